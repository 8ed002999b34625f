//! Which releases of Ollama have known holes.

/// A hole: its name, what it lets happen, and the first release without it.
struct Hole {
    name: &'static str,
    what: &'static str,
    fixed_in: [u64; 3],
}

const HOLES: [Hole; 3] = [
    Hole {
        name: "CVE-2026-7482",
        what: "its memory, prompts included, can be read by whoever reaches it",
        fixed_in: [0, 17, 1],
    },
    Hole {
        name: "CVE-2024-37032",
        what: "a pulled model can overwrite files",
        fixed_in: [0, 1, 34],
    },
    Hole { name: "CVE-2024-28224", what: "a web page can use it", fixed_in: [0, 1, 29] },
];

/// The holes of a release, in words, and the release to go to; `None` where none is known.
pub(super) fn holes(version: &str) -> Option<(String, String)> {
    let numbers = numbers(version)?;
    let open: Vec<&Hole> = HOLES.iter().filter(|hole| numbers < hole.fixed_in).collect();
    let safe = open.iter().map(|hole| hole.fixed_in).max()?;
    let words: Vec<String> =
        open.iter().map(|hole| format!("{} ({})", hole.name, hole.what)).collect();
    let [major, minor, patch] = safe;
    Some((words.join(", "), format!("{major}.{minor}.{patch}")))
}

/// The numbers of a release; `None` for builds from source, which call themselves 0.0.0.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let (release, is_candidate) = match version.split_once('-') {
        Some((release, rest)) => (release, rest.starts_with("rc")),
        None => (version, false),
    };
    let mut parts = release.trim_start_matches('v').split('.').map(|part| part.parse::<u64>().ok());
    let mut next = || parts.next().flatten();
    let numbers = [next()?, next()?, next()?];
    // A candidate comes before its release.
    let numbers = match (numbers, is_candidate) {
        ([major, minor, patch], true) if patch > 0 => [major, minor, patch - 1],
        ([major, minor, _], true) if minor > 0 => [major, minor - 1, u64::MAX],
        (numbers, _) => numbers,
    };
    (numbers != [0, 0, 0]).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_held_against_the_first_one_without_each_hole() {
        for version in ["0.17.1", "0.17.2", "0.18.0-rc1", "1.0.0", "0.0.0", "dev", "0.20"] {
            assert_eq!(holes(version), None, "{version}");
        }
        let (words, safe) = holes("0.9.6").unwrap();
        assert!(words.contains("CVE-2026-7482") && !words.contains("CVE-2024"), "{words}");
        assert_eq!(safe, "0.17.1");
        assert!(holes("0.17.1-rc0").is_some() && holes("0.17.0").is_some());
        assert!(holes("0.1.28").unwrap().0.contains("CVE-2024-28224"));
    }
}
