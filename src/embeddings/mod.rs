//! Vectors of texts, whoever makes them: batches, order, and which model they belong to.
//!
//! Vectors of two models must never be compared, so the result names its model and dimension, and there is no
//! fall back to another backend.

mod batches;

use std::sync::Arc;

use crate::assistant::Assistant;
use crate::config::{BackendSettings, Dialect, EmbeddingSource, Provider, Settings};
use crate::gate::Origin;
use crate::model::BackendName;
use crate::router::{Cause, Choice};

/// Vectors, and the space they lie in.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Embeddings {
    /// Who made them.
    pub backend: BackendName,
    /// With which model.
    pub model: String,
    /// Length of every vector.
    pub dimension: usize,
    /// One a text, in the order of the texts.
    pub embeddings: Vec<Vec<f32>>,
    /// Tokens read, where the backend counts them.
    pub input_tokens: Option<u64>,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The backend, its key or the gate.
    #[error(transparent)]
    Backend(Box<Cause>),
    /// `backend = "local"`.
    #[error("local embeddings are not built in yet")]
    LocalNotBuiltIn,
    /// The service has no embeddings.
    #[error("backend \"{backend}\" makes no embeddings")]
    MakesNone {
        /// The backend.
        backend: BackendName,
    },
    /// Nobody said which model.
    #[error("no embedding model is set for backend \"{backend}\"")]
    NoModel {
        /// The backend.
        backend: BackendName,
    },
    /// A text has nothing in it.
    #[error("text {nth} is empty")]
    EmptyText {
        /// Which, counted from one.
        nth: usize,
    },
    /// The backend changed its mind between two batches.
    #[error("backend \"{backend}\" gave vectors of {first} and then of {then} numbers")]
    DimensionChanged {
        /// The backend.
        backend: BackendName,
        /// Length of the first ones.
        first: usize,
        /// Length of a later one.
        then: usize,
    },
}

impl From<Cause> for EmbedError {
    fn from(cause: Cause) -> Self {
        Self::Backend(Box::new(cause))
    }
}

impl EmbedError {
    /// The next step, where the error is not that of a backend.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Backend(_) => None,
            Self::LocalNotBuiltIn | Self::MakesNone { .. } => Some(
                "set `[embeddings] backend` to \"ollama\" or \"openai\" in your config, or pass `--backend NAME`"
                    .to_owned(),
            ),
            Self::NoModel { .. } => {
                Some("set `[embeddings] model`, or pass `--model NAME`".to_owned())
            }
            Self::EmptyText { .. } => Some("leave it out: it has no meaning to compare".to_owned()),
            Self::DimensionChanged { .. } => {
                Some("look at which models the server behind it serves".to_owned())
            }
        }
    }
}

/// Who is asked for vectors.
#[derive(Clone, Debug)]
pub(crate) struct Embedder {
    pub(crate) backend: Arc<BackendSettings>,
    pub(crate) model: String,
}

impl Embedder {
    /// The embedder of the settings, unless the caller chose another.
    fn pick(settings: &Settings, choice: &Choice) -> Result<Self, EmbedError> {
        let options = &settings.embeddings;
        let name = match (&choice.backend, &options.source) {
            (Some(chosen), _) => chosen,
            (None, EmbeddingSource::Backend(name)) => name,
            (None, EmbeddingSource::Local) => return Err(EmbedError::LocalNotBuiltIn),
        };
        if name.as_str() == "local" && settings.backend(name).is_none() {
            return Err(EmbedError::LocalNotBuiltIn);
        }
        let backend = settings.backend(name).ok_or_else(|| Cause::UnknownBackend {
            name: name.to_string(),
            known: settings.backends.keys().map(ToString::to_string).collect(),
        })?;
        if backend.dialect == Dialect::Anthropic || backend.provider == Provider::Groq {
            return Err(EmbedError::MakesNone { backend: name.clone() });
        }
        let has_own_table = name.as_str() == "openai";
        let backend = match &options.openai_key {
            Some(key) if has_own_table => {
                Arc::new(BackendSettings { api_key: Some(key.clone()), ..(**backend).clone() })
            }
            _ => backend.clone(),
        };
        // `[embeddings] model` is the model of `[embeddings] backend`, and of no other.
        let is_configured = options.source == EmbeddingSource::Backend(name.clone());
        let of_table = options.openai_model.as_ref().filter(|_| has_own_table);
        let of_options = options.model.as_ref().filter(|_| is_configured);
        let model = choice.model.as_ref().or(of_table).or(of_options).map(String::as_str);
        let model = model
            .or_else(|| usual_model(backend.provider))
            .ok_or_else(|| EmbedError::NoModel { backend: name.clone() })?;
        Ok(Self { backend, model: model.to_owned() })
    }
}

fn usual_model(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::OpenAi => Some("text-embedding-3-small"),
        Provider::Ollama => Some("nomic-embed-text"),
        Provider::Anthropic | Provider::Groq | Provider::Other => None,
    }
}

impl Assistant {
    /// Gets a vector for each text. `watch` learns how many texts are done.
    ///
    /// Dropping the future closes the socket.
    pub async fn embed(
        &self,
        texts: &[String],
        choice: &Choice,
        origin: &Origin,
        watch: &mut (dyn FnMut(usize) + Send),
    ) -> Result<Embeddings, EmbedError> {
        if let Some(idx) = texts.iter().position(|text| text.trim().is_empty()) {
            return Err(EmbedError::EmptyText { nth: idx + 1 });
        }
        let settings = self.settings();
        let embedder = Embedder::pick(&settings, choice)?;
        let backend = embedder.backend.name.clone();
        let mut result = Embeddings {
            backend: backend.clone(),
            model: embedder.model.clone(),
            dimension: 0,
            embeddings: Vec::with_capacity(texts.len()),
            input_tokens: None,
        };
        for batch in batches::split(texts, &embedder.backend) {
            let vectors = self.router().embed(&settings, &embedder, batch, origin).await?;
            let then = vectors.vectors.first().map_or(0, Vec::len);
            if result.dimension != 0 && then != result.dimension {
                return Err(EmbedError::DimensionChanged {
                    backend,
                    first: result.dimension,
                    then,
                });
            }
            result.dimension = then;
            result.embeddings.extend(vectors.vectors);
            if let Some(told) = vectors.input_tokens {
                *result.input_tokens.get_or_insert(0) += told;
            }
            watch(result.embeddings.len());
        }
        Ok(result)
    }
}
