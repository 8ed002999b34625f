//! Settings, orders and answers for tests, without any file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arawn::backends::{Backends, Call};
use arawn::config::{
    BackendSettings, Chain, Clocks, CloudPolicy, Dialect, Environment, Link, Place,
    PrivacySettings, Provider, ServerSettings, Settings,
};
use arawn::gate::{Gate, Origin};
use arawn::model::{Event, ModelError, Request, Task};
use arawn::router::{Answer, Choice, Failure, Order, Progress, Router};
use futures_util::StreamExt;

use crate::upstream::Upstream;

/// A local backend of that name in the openai dialect.
pub(crate) fn openai(name: &str, upstream: &Upstream) -> BackendSettings {
    backend(name, Dialect::Openai, Provider::Other, &format!("{}/v1", upstream.url()))
}

/// A local backend of that name in the anthropic dialect.
pub(crate) fn anthropic(name: &str, upstream: &Upstream) -> BackendSettings {
    backend(name, Dialect::Anthropic, Provider::Anthropic, &upstream.url())
}

/// A local backend of that name in the ollama dialect.
pub(crate) fn ollama(name: &str, upstream: &Upstream) -> BackendSettings {
    backend(name, Dialect::Ollama, Provider::Ollama, &upstream.url())
}

/// A backend at any address, with model `m` and short clocks.
pub(crate) fn backend(
    name: &str,
    dialect: Dialect,
    provider: Provider,
    url: &str,
) -> BackendSettings {
    BackendSettings {
        name: name.into(),
        dialect,
        provider,
        base_url: url.parse().unwrap(),
        base_url_text: url.to_owned(),
        model: Some("m".to_owned()),
        max_tokens: None,
        temperature: None,
        api_key: None,
        headers: BTreeMap::new(),
        place: Place::Local,
        clocks: Clocks { connect: Duration::from_secs(5), ..Clocks::for_place(Place::Local) },
        context_length: None,
        keep_alive: None,
        engine: None,
    }
}

/// A backend where nothing listens.
pub(crate) async fn dead(name: &str) -> BackendSettings {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    backend(name, Dialect::Ollama, Provider::Ollama, &format!("http://localhost:{port}"))
}

/// Settings with these backends as the chain, in this order.
pub(crate) fn settings(backends: impl IntoIterator<Item = BackendSettings>) -> Settings {
    let backends: Vec<Arc<BackendSettings>> = backends.into_iter().map(Arc::new).collect();
    let links = backends
        .iter()
        .map(|backend| Link { backend: backend.name.clone(), model: None })
        .collect();
    Settings {
        backends: backends.into_iter().map(|backend| (backend.name.clone(), backend)).collect(),
        chain: Chain { links },
        tasks: BTreeMap::new(),
        privacy: PrivacySettings { cloud: CloudPolicy::Allowed, ignore: Vec::new() },
        edits: arawn::config::EditSettings::default(),
        actions: Vec::new(),
        action_folders: Vec::new(),
        embeddings: arawn::config::EmbeddingSettings::default(),
        local: Arc::default(),
        server: ServerSettings::default(),
        state_folder: PathBuf::new(),
        environment: Arc::new(Environment::default()),
        log: String::new(),
        unusable: BTreeMap::new(),
    }
}

/// An order to edit, with nothing chosen.
pub(crate) fn order(settings: Settings) -> Order {
    Order {
        settings: Arc::new(settings),
        task: Task::Edit,
        choice: Choice::default(),
        origin: Origin::default(),
    }
}

/// A router that knows nothing yet.
pub(crate) fn router() -> Router {
    Router::new(Arc::new(Backends::new()), Arc::new(Gate::new()))
}

/// Asks for an answer to "hello" and notes the progress.
pub(crate) async fn answer(
    router: &Router,
    order: &Order,
) -> (Result<Answer, Box<Failure>>, Vec<String>) {
    let mut seen = Vec::new();
    let mut watch = |progress: Progress<'_>| {
        seen.push(match progress {
            Progress::Asking { backend, model } => format!("asking {backend} {model}"),
            Progress::Text(text) => format!("text {text}"),
            Progress::Reasoning(text) => format!("reasoning {text}"),
            Progress::FellBack(fell_back) => {
                format!("fell back from {} {}", fell_back.backend, fell_back.class)
            }
            other => format!("{other:?}"),
        });
    };
    let result = router.answer(order, &|_| Ok(Request::of_user("hello")), &mut watch).await;
    (result, seen)
}

/// A call to a backend, cleared by a fresh gate.
pub(crate) fn call(backend: BackendSettings, request: Request) -> Call {
    let settings = settings([backend.clone()]);
    let pass = Gate::new().clear(&settings, &backend, "m", Task::Edit, &Origin::default()).unwrap();
    Call { backend: Arc::new(backend), model: "m".to_owned(), key: None, request, pass }
}

/// All events of a call, in words.
pub(crate) async fn events(backends: &Backends, call: Call) -> Vec<Event> {
    let events: Vec<Event> = backends.stream(call).collect().await;
    let n_ends = events
        .iter()
        .filter(|event| matches!(event, Event::Done { .. } | Event::Failed(_)))
        .count();
    assert_eq!(n_ends, 1, "{events:?}");
    assert!(matches!(events.last(), Some(Event::Done { .. } | Event::Failed(_))), "{events:?}");
    events
}

/// The failure of a call that must fail.
pub(crate) async fn failure(backend: BackendSettings) -> ModelError {
    let mut events = events(&Backends::new(), call(backend, Request::of_user("hello"))).await;
    match events.pop() {
        Some(Event::Failed(error)) => *error,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// The visible text of events.
pub(crate) fn text(events: &[Event]) -> String {
    events
        .iter()
        .filter_map(|event| if let Event::Text(text) = event { Some(text.as_str()) } else { None })
        .collect()
}
