//! Which model the user wants: a file, one of Hugging Face, one that Ollama has, or the small one.

use std::path::PathBuf;

use crate::config::Environment;

/// Models worth downloading for work with code, as `--model` takes them, with their size.
pub const CODERS: [(&str, &str); 2] = [
    (
        "hf:Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:Q4_K_M",
        "1.1 GB, for machines without a graphics card",
    ),
    ("hf:Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M", "4.7 GB, better, wants 8 GB of memory"),
];

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The model that is there already, else one that Ollama has, else the small one.
    Whatever,
    /// The small one.
    Small,
    /// A GGUF file.
    File(PathBuf),
    /// A model of Hugging Face.
    HuggingFace {
        /// `USER/REPOSITORY`, with `:QUANT` where one is wanted.
        repository: String,
        /// The file, where one is named.
        file: Option<String>,
    },
    /// A model that Ollama has pulled.
    Ollama(String),
}

impl Wish {
    /// Reads what the user wrote: `FILE.gguf`, `hf:REPO[:FILE]`, `ollama:NAME` or `small`.
    pub fn parse(written: &str, environment: &Environment) -> Result<Self, String> {
        let written = written.trim();
        if written == "small" {
            return Ok(Self::Small);
        }
        if let Some(name) = written.strip_prefix("ollama:") {
            return Ok(Self::Ollama(name.to_owned()));
        }
        if let Some(name) = written.strip_prefix("hf:") {
            return hugging_face(name);
        }
        if written.is_empty() {
            return Err("name a model".to_owned());
        }
        Ok(Self::File(environment.path(written)))
    }

    /// As the user would write it.
    pub fn written(&self) -> String {
        match self {
            Self::Whatever => String::new(),
            Self::Small => "small".to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::HuggingFace { repository, file: None } => format!("hf:{repository}"),
            Self::HuggingFace { repository, file: Some(file) } => format!("hf:{repository}:{file}"),
            Self::Ollama(name) => format!("ollama:{name}"),
        }
    }
}

fn hugging_face(name: &str) -> Result<Wish, String> {
    let (repository, rest) = match name.split_once(':') {
        Some((repository, rest)) => (repository, Some(rest)),
        None => (name, None),
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && !word.starts_with(['.', '-'])
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let parts: Vec<&str> = repository.split('/').collect();
    if parts.len() != 2 || !parts.iter().all(|part| is_word(part)) {
        return Err(
            "write hf:USER/REPOSITORY, hf:USER/REPOSITORY:QUANT or hf:USER/REPOSITORY:FILE.gguf"
                .to_owned(),
        );
    }
    let (quant, file) = match rest {
        Some(rest) if rest.to_lowercase().ends_with(".gguf") => (None, Some(rest.to_owned())),
        Some(rest) if is_word(rest) => (Some(rest), None),
        None => (None, None),
        Some(_) => {
            return Err(
                "what follows the repository must be a file or a quantization such as Q4_K_M"
                    .to_owned(),
            );
        }
    };
    let quant = quant.map(|quant| format!(":{quant}")).unwrap_or_default();
    Ok(Wish::HuggingFace { repository: format!("{repository}{quant}"), file })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(written: &str) -> Result<Wish, String> {
        Wish::parse(written, &Environment::of(std::path::Path::new("/home/ann"), []))
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        for written in [
            "small",
            "ollama:codellama:7b-code",
            "hf:Qwen/Qwen2.5-Coder-7B-Instruct-GGUF",
            "hf:Qwen/Qwen2.5-Coder-7B-Instruct-GGUF:Q4_K_M",
            "hf:a/b:sub/model.gguf",
            "/models/x.gguf",
        ] {
            assert_eq!(parse(written).unwrap().written(), written);
        }
        assert_eq!(parse("~/x.gguf").unwrap(), Wish::File("/home/ann/x.gguf".into()));
    }

    #[test]
    fn a_repository_that_leads_elsewhere_is_refused() {
        for written in ["hf:", "hf:a", "hf:../b", "hf:a/b/c", "hf:a/-b", "hf:a/b:--flag x", ""] {
            assert!(parse(written).is_err(), "{written}");
        }
    }
}
