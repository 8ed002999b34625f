//! Language ids of files, as editors name them, for text that comes without an editor.

use std::path::Path;

/// File endings and names, and the language ids that LSP lists for them.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("bat", &["bat", "cmd"]),
    ("c", &["c", "h"]),
    ("clojure", &["clj", "cljs", "edn"]),
    ("cpp", &["cpp", "cc", "cxx", "hpp", "hh", "hxx"]),
    ("csharp", &["cs"]),
    ("css", &["css"]),
    ("dart", &["dart"]),
    ("dockerfile", &["Dockerfile"]),
    ("elixir", &["ex", "exs"]),
    ("erlang", &["erl", "hrl"]),
    ("fsharp", &["fs", "fsx"]),
    ("go", &["go"]),
    ("groovy", &["groovy", "gradle"]),
    ("haskell", &["hs"]),
    ("html", &["html", "htm"]),
    ("ini", &["ini", "cfg"]),
    ("java", &["java"]),
    ("javascript", &["js", "mjs", "cjs"]),
    ("javascriptreact", &["jsx"]),
    ("json", &["json"]),
    ("jsonc", &["jsonc"]),
    ("julia", &["jl"]),
    ("kotlin", &["kt", "kts"]),
    ("latex", &["tex"]),
    ("less", &["less"]),
    ("lua", &["lua"]),
    ("makefile", &["Makefile", "mk"]),
    ("markdown", &["md", "markdown"]),
    ("nix", &["nix"]),
    ("objective-c", &["m"]),
    ("ocaml", &["ml", "mli"]),
    ("perl", &["pl", "pm"]),
    ("php", &["php"]),
    ("powershell", &["ps1", "psm1"]),
    ("python", &["py", "pyi"]),
    ("r", &["r", "R"]),
    ("ruby", &["rb", "Rakefile", "Gemfile"]),
    ("rust", &["rs"]),
    ("scala", &["scala", "sc"]),
    ("scss", &["scss"]),
    ("shellscript", &["sh", "bash", "zsh"]),
    ("sql", &["sql"]),
    ("svelte", &["svelte"]),
    ("swift", &["swift"]),
    ("toml", &["toml"]),
    ("typescript", &["ts", "mts", "cts"]),
    ("typescriptreact", &["tsx"]),
    ("vim", &["vim"]),
    ("vue", &["vue"]),
    ("xml", &["xml", "svg"]),
    ("yaml", &["yaml", "yml"]),
    ("zig", &["zig"]),
];

/// The language id of a file by its name; empty when unknown.
pub fn language_of(path: &Path) -> &'static str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or(name);
    LANGUAGES
        .iter()
        .find(|(_, endings)| endings.contains(&ending) || endings.contains(&name))
        .map_or("", |(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_told_by_ending_or_name() {
        assert_eq!(language_of(Path::new("a/b.rs")), "rust");
        assert_eq!(language_of(Path::new("x.tsx")), "typescriptreact");
        assert_eq!(language_of(Path::new("Dockerfile")), "dockerfile");
        assert_eq!(language_of(Path::new("what.ever")), "");
    }
}
