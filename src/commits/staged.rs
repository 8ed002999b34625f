//! The staged difference: its files, what may leave of them, and as much of their text as there is room for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{CommitError, git};
use crate::config::Environment;
use crate::gate::Refusal;

/// More files than this are named, and their text is left away.
const MOST_FILES: usize = 200;

/// What is staged, as far as it may leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Staged {
    /// One line a file.
    listing: String,
    /// One text a file.
    patches: Vec<String>,
    /// The files that are named.
    pub(super) files: Vec<PathBuf>,
    /// The folders whose ignore files count.
    pub(super) roots: Vec<PathBuf>,
    n_left_out: usize,
}

/// A file of the difference.
struct Entry {
    status: char,
    /// One name, or the old and the new one.
    names: Vec<String>,
}

/// Asks whether a file's text may leave.
pub(super) type Allowed<'a> = dyn Fn(&Path, &[PathBuf]) -> Result<(), Refusal> + 'a;

/// Reads what is staged in the repository that `folder` lies in.
pub(super) fn read(
    folder: &Path,
    environment: &Environment,
    workspace: &[PathBuf],
    allowed: &Allowed<'_>,
) -> Result<Staged, CommitError> {
    let top = git::top(folder, environment)?;
    let list = [&git::DIFF[..], &["--name-status", "-z"]].concat();
    let entries = entries(&git::run(&top, environment, &list)?);
    if entries.is_empty() {
        return Err(CommitError::NothingStaged);
    }
    let mut roots = workspace.to_vec();
    roots.push(top.clone());
    let mut staged = Staged { roots, ..Staged::default() };
    let mut shown: Vec<String> = Vec::new();
    let mut first_refusal = None;
    for entry in &entries {
        let paths: Vec<PathBuf> = entry.names.iter().map(|name| top.join(name)).collect();
        if let Some(refusal) = paths.iter().find_map(|path| allowed(path, &staged.roots).err()) {
            staged.n_left_out += 1;
            first_refusal.get_or_insert_with(|| refusal.to_string());
            continue;
        }
        _ = writeln!(staged.listing, "{} {}", entry.status, entry.names.join(" -> "));
        staged.files.extend(paths);
        shown.extend(entry.names.iter().cloned());
    }
    if let Some(reason) = first_refusal.filter(|_| shown.is_empty()) {
        return Err(CommitError::AllKept { reason });
    }
    shown.truncate(MOST_FILES);
    let mut difference = git::DIFF.to_vec();
    difference.push("--");
    difference.extend(shown.iter().map(String::as_str));
    let text = git::run(&top, environment, &difference)?;
    staged.patches = patches(&String::from_utf8_lossy(&text));
    Ok(staged)
}

/// The records of `--name-status -z`. Names that are no Unicode are left out.
fn entries(printed: &[u8]) -> Vec<Entry> {
    let text = String::from_utf8_lossy(printed);
    let mut fields = text.split('\0');
    let mut entries = Vec::new();
    while let Some(status) = fields.next().and_then(|field| field.chars().next()) {
        let n_names = if matches!(status, 'R' | 'C') { 2 } else { 1 };
        let names: Vec<String> = fields.by_ref().take(n_names).map(str::to_owned).collect();
        if !names.iter().any(|name| name.contains('\u{FFFD}') || name.is_empty()) {
            entries.push(Entry { status, names });
        }
    }
    entries
}

/// The parts of a difference, a file each. Lines of files begin with a sign, so none can be taken for a head.
fn patches(text: &str) -> Vec<String> {
    let mut patches: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("diff --git ") || patches.is_empty() {
            patches.push(String::new());
        }
        // What git tells of objects is of no use to a reader.
        let is_noise = line.starts_with("index ") || line.starts_with("similarity index ");
        if let Some(patch) = patches.last_mut().filter(|_| !is_noise) {
            patch.push_str(line);
        }
    }
    patches.retain(|patch| !patch.trim().is_empty());
    patches
}

impl Staged {
    /// The files and as much of their texts as fits into so many bytes, every file its fair share.
    pub(super) fn text(&self, most: usize) -> String {
        let listing = cut(&self.listing, most / 4);
        let mut left = most.saturating_sub(listing.len());
        let mut by_size: Vec<usize> = (0..self.patches.len()).collect();
        by_size.sort_by_key(|&idx| self.patches[idx].len());
        let mut shares = vec![0; self.patches.len()];
        for (n_done, &idx) in by_size.iter().enumerate() {
            let share = (left / (by_size.len() - n_done)).min(self.patches[idx].len());
            shares[idx] = share;
            left -= share;
        }
        let patches = self.patches.iter().zip(shares).map(|(patch, share)| cut(patch, share));
        let patches: Vec<String> = patches.filter(|patch| !patch.is_empty()).collect();
        format!("{listing}\n{}", patches.concat())
    }

    /// A sentence about what was left out.
    pub(super) fn left_out_remark(&self) -> Option<String> {
        match self.n_left_out {
            0 => None,
            1 => {
                Some("1 staged file was left out, since it must not leave this machine".to_owned())
            }
            n => Some(format!(
                "{n} staged files were left out, since they must not leave this machine"
            )),
        }
    }
}

/// The first whole lines that fit, and how many there would be more.
fn cut(text: &str, most: usize) -> String {
    const REMARK: usize = 32;
    if text.len() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        if kept.len() + line.len() + REMARK > most {
            break;
        }
        kept.push_str(line);
    }
    if kept.is_empty() {
        return kept;
    }
    let n_more = text.lines().count() - kept.lines().count();
    _ = writeln!(kept, "[{n_more} more lines]");
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_with_one_and_two_names_are_read() {
        let entries = entries(b"M\0a b.rs\0R087\0old.rs\0new.rs\0A\0\xff\0D\0gone.rs\0");
        let read: Vec<(char, String)> =
            entries.iter().map(|entry| (entry.status, entry.names.join(" -> "))).collect();
        let expected = [('M', "a b.rs"), ('R', "old.rs -> new.rs"), ('D', "gone.rs")];
        assert_eq!(read, expected.map(|(status, name)| (status, name.to_owned())));
    }

    #[test]
    fn large_files_are_cut_before_small_ones() {
        let large: String = "diff --git a/l b/l\n".to_owned() + &"+a line of text\n".repeat(500);
        let small = "diff --git a/s b/s\n+one\n";
        let patches = patches(&(large.clone() + small));
        assert_eq!(patches, [large.clone(), small.to_owned()]);
        let staged = Staged { listing: "M l\nM s\n".to_owned(), patches, ..Staged::default() };
        let text = staged.text(1000);
        assert!(text.len() <= 1001 && text.ends_with(small), "{text}");
        assert!(text.starts_with("M l\nM s\n\ndiff --git a/l b/l\n+a line"), "{text}");
        assert!(text.contains(" more lines]\n"), "{text}");
        assert_eq!(staged.text(100_000), format!("M l\nM s\n\n{large}{small}"));
    }
}
