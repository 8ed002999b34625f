//! Which grammar reads which language.

use tree_sitter::Language;

/// A grammar we carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grammar {
    /// The name of the language it reads, one for all ids that share it: `tsx` for `typescriptreact`.
    pub name: &'static str,
    pub(super) language: Language,
}

/// The grammar for a language id as LSP names it. `None` where we carry none, or not in this build.
pub fn grammar(language: &str) -> Option<Grammar> {
    let of = |name, language: tree_sitter_language::LanguageFn| {
        Some(Grammar { name, language: language.into() })
    };
    match language {
        #[cfg(feature = "syntax-core")]
        "rust" => of("rust", tree_sitter_rust::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "python" => of("python", tree_sitter_python::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "javascript" | "javascriptreact" => of("javascript", tree_sitter_javascript::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "typescript" => of("typescript", tree_sitter_typescript::LANGUAGE_TYPESCRIPT),
        #[cfg(feature = "syntax-core")]
        "typescriptreact" | "tsx" => of("tsx", tree_sitter_typescript::LANGUAGE_TSX),
        #[cfg(feature = "syntax-core")]
        "go" => of("go", tree_sitter_go::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "c" => of("c", tree_sitter_c::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "cpp" => of("cpp", tree_sitter_cpp::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "json" => of("json", tree_sitter_json::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "toml" => of("toml", tree_sitter_toml_ng::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "yaml" => of("yaml", tree_sitter_yaml::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "markdown" => of("markdown", tree_sitter_md::LANGUAGE),
        #[cfg(feature = "syntax-core")]
        "shellscript" | "bash" | "sh" => of("bash", tree_sitter_bash::LANGUAGE),
        #[cfg(feature = "syntax-web")]
        "html" => of("html", tree_sitter_html::LANGUAGE),
        #[cfg(feature = "syntax-web")]
        "css" => of("css", tree_sitter_css::LANGUAGE),
        #[cfg(feature = "syntax-web")]
        "php" => of("php", tree_sitter_php::LANGUAGE_PHP),
        #[cfg(feature = "syntax-more")]
        "java" => of("java", tree_sitter_java::LANGUAGE),
        #[cfg(feature = "syntax-more")]
        "csharp" => of("csharp", tree_sitter_c_sharp::LANGUAGE),
        #[cfg(feature = "syntax-more")]
        "ruby" => of("ruby", tree_sitter_ruby::LANGUAGE),
        #[cfg(feature = "syntax-more")]
        "lua" => of("lua", tree_sitter_lua::LANGUAGE),
        _ => None,
    }
}

#[cfg(test)]
#[cfg(feature = "syntax")]
mod tests {
    use super::*;

    #[test]
    fn every_language_we_promise_has_a_grammar_that_loads() {
        let ids = [
            "rust",
            "python",
            "javascript",
            "typescript",
            "typescriptreact",
            "go",
            "java",
            "c",
            "cpp",
            "csharp",
            "ruby",
            "php",
            "shellscript",
            "lua",
            "json",
            "toml",
            "yaml",
            "html",
            "css",
            "markdown",
        ];
        for id in ids {
            let grammar = grammar(id).unwrap();
            tree_sitter::Parser::new().set_language(&grammar.language).unwrap();
        }
        assert_eq!(grammar("cobol"), None);
    }
}
