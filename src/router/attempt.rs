//! Asks one backend of a chain, with the retries it deserves, and collects its answer.

use std::time::Duration;

use secrecy::SecretString;

use super::asking::{Asking, Broken};
use super::breaker::Leave;
use super::pick::Picked;
use super::retry;
use super::{Answer, Cause, FellBack, Order, Progress, Router};
use crate::backends;
use crate::config::Place;
use crate::engine::Purpose;
use crate::gate::Refusal;
use crate::model::{BackendName, ConnectKind, ErrorClass, ModelError, Request, TooLong};

/// Window that is counted on where a local server tells none.
const LOCAL_WINDOW: u32 = 8192;
/// The same for cloud services, whose models all have more.
const CLOUD_WINDOW: u32 = 32_768;

/// Where a link stands in its chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Nobody comes after it.
    pub(super) is_last: bool,
    /// Whether it may be skipped.
    pub(super) breaker: Obey,
}

impl Position {
    /// Whether a refused connection is worth another try: nobody else is left, and it was not dead before.
    fn may_insist(self) -> bool {
        self.is_last && self.breaker == Obey::Breaker
    }
}

/// What keeps a link from being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obey {
    /// The breaker: a dead server is skipped.
    Breaker,
    /// Nothing: all others failed.
    Nothing,
}

/// How far a link came that gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// The gate refused it.
    Refused,
    /// It was skipped as dead.
    Skipped,
    /// It was asked, or was to be.
    Asked,
}

/// A link that gave no answer.
#[derive(Debug)]
pub(super) struct GivenUp {
    pub(super) cause: Cause,
    pub(super) model: String,
    pub(super) partial_text: String,
    pub(super) fell_back: FellBack,
    pub(super) standing: Standing,
    window: usize,
}

impl GivenUp {
    fn new(backend: &BackendName, model: &str, cause: Cause) -> Self {
        let (class, message) = (cause.class().to_owned(), cause.to_string());
        let fell_back = FellBack { backend: backend.clone(), class, message };
        let standing =
            if matches!(cause, Cause::Refused(_)) { Standing::Refused } else { Standing::Asked };
        Self {
            cause,
            model: model.to_owned(),
            partial_text: String::new(),
            fell_back,
            standing,
            window: 0,
        }
    }

    /// Whether it is that link which gave no answer.
    pub(super) fn is_of(&self, link: &Picked) -> bool {
        self.fell_back.backend == link.backend.name
            && self.model == link.model.as_deref().unwrap_or_default()
    }

    /// Whether the next link is asked.
    pub(super) fn goes_on(&self) -> bool {
        match &self.cause {
            Cause::Model(error) => retry::goes_on(&error.class),
            // An excluded file is excluded for every backend.
            Cause::Refused(Refusal::FileExcluded { .. }) => false,
            Cause::Refused(Refusal::CloudForbidden { .. })
            | Cause::Secret(_)
            | Cause::Engine(_)
            | Cause::UnknownBackend { .. }
            | Cause::Unusable { .. }
            | Cause::NoModel { .. } => true,
        }
    }

    /// Whether the local engine ended while it worked: started again, it may do it.
    pub(super) fn engine_ended(&self, link: &Picked) -> bool {
        let broke = matches!(&self.cause, Cause::Model(error) if matches!(
            error.class,
            ErrorClass::Connect { .. } | ErrorClass::Truncated
        ));
        broke && self.standing == Standing::Asked && link.backend.engine.is_some()
    }

    /// The window that was too small, if that was the trouble.
    pub(super) fn overflowed_window(&self) -> Option<usize> {
        match &self.cause {
            Cause::Model(error) if error.class == ErrorClass::ContextOverflow => Some(self.window),
            _ => None,
        }
    }
}

impl Router {
    /// Asks one link.
    pub(super) async fn try_link(
        &self,
        order: &Order,
        link: &Picked,
        position: Position,
        compose: &(dyn Fn(usize) -> Result<Request, TooLong> + Send + Sync),
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, GivenUp> {
        let backend = &link.backend;
        let model = link.model.clone().unwrap_or_default();
        let give_up = |cause: Cause| GivenUp::new(&backend.name, &model, cause);
        if model.is_empty() {
            return Err(give_up(Cause::NoModel { backend: backend.name.clone() }));
        }
        // Before anything is fetched or sent: what may not leave needs no key and no connection.
        let cleared = self.gate.clear(&order.settings, backend, &model, order.task, &order.origin);
        drop(cleared.map_err(|refusal| give_up(refusal.into()))?);
        let leave = match position.breaker {
            Obey::Nothing => self.breaker.leave_anyway(backend),
            Obey::Breaker => self.breaker.leave(backend).ok_or_else(|| skipped(link, &model))?,
        };
        let key = self.keys.key_of(backend, &order.settings).await.map_err(give_up)?;
        watch(Progress::Asking { backend: &backend.name, model: &model });
        // In use until the answer is there.
        let ready = self.engines.ready(backend, &model, Purpose::Text).await;
        let ready = ready.map_err(|error| {
            leave.dead();
            give_up(error.into())
        })?;
        let awake = ready
            .as_ref()
            .map(|ready| Picked { backend: ready.backend.clone(), model: link.model.clone() });
        let link = awake.as_ref().unwrap_or(link);
        let backend = &link.backend;
        let key = ready.as_ref().and_then(|ready| ready.key.clone()).or(key);
        let window =
            self.window(link, &model, key.as_ref(), &leave, position).await.map_err(give_up)?;
        let composed = compose(window).map_err(|too_long| {
            let error = ModelError {
                message: format!("about {} tokens, and it reads {window}", too_long.tokens),
                ..error_of(link, &model, ErrorClass::ContextOverflow)
            };
            GivenUp { window, ..give_up(error.into()) }
        })?;
        if !composed.tools.is_empty()
            && self.backends.lacks(backend, &model, key.as_ref(), "tools").await
        {
            let error = ModelError {
                message: format!("model \"{model}\" does not support tools"),
                ..error_of(link, &model, ErrorClass::Unsupported)
            };
            return Err(give_up(error.into()));
        }
        let mut request = fitted(order, link, composed);
        if request.infill.is_some() && !self.backends.fills_in(backend, &model, key.as_ref()).await
        {
            request.infill = None;
        }
        let asking = Asking { order, link, model: &model, request, remarks: Vec::new() };
        let result = self.ask_with_retries(asking, key, &leave, position, watch).await;
        result.map_err(|(cause, partial_text)| GivenUp { partial_text, window, ..give_up(cause) })
    }

    /// The window of a link, as far as it is known without fetching a key or asking a cloud service.
    pub(super) async fn window_of(&self, link: &Picked) -> usize {
        let told = match (&link.model, &link.backend.api_key, link.backend.place) {
            (Some(model), None, Place::Local) => {
                self.backends.window(&link.backend, model, None).await
            }
            _ => link.backend.context_length,
        };
        usize::try_from(told.unwrap_or_else(|| default_window(link))).unwrap_or(usize::MAX)
    }

    async fn window(
        &self,
        link: &Picked,
        model: &str,
        key: Option<&SecretString>,
        leave: &Leave<'_>,
        position: Position,
    ) -> Result<usize, Cause> {
        let mut n_retries = 0;
        loop {
            match self.backends.prepare(&link.backend, model, key).await {
                Ok(told) => {
                    let window = told.unwrap_or_else(|| default_window(link));
                    return Ok(usize::try_from(window).unwrap_or(usize::MAX));
                }
                Err(error) => {
                    note(leave, &error);
                    match retry::wait_before_retry(&error, n_retries, position.may_insist()) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => return Err(error.into()),
                    }
                    n_retries += 1;
                }
            }
        }
    }

    async fn ask_with_retries(
        &self,
        mut asking: Asking<'_>,
        mut key: Option<SecretString>,
        leave: &Leave<'_>,
        position: Position,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<Answer, (Cause, String)> {
        let mut n_retries = 0;
        let mut may_refetch_key = true;
        let mut may_ask_for_less = true;
        loop {
            let broken = match self.ask(&asking, key.clone(), leave, watch).await {
                Ok(answer) => return Ok(answer),
                Err(Ok(broken)) => broken,
                Err(Err(refusal)) => return Err((refusal.into(), String::new())),
            };
            let Broken { error, partial_text } = broken;
            note(leave, &error);
            let is_unauthorized =
                error.class == ErrorClass::Auth && error.status == Some(401) && !error.partial;
            if is_unauthorized && std::mem::take(&mut may_refetch_key) {
                let settings = &asking.order.settings;
                let changed =
                    self.keys.changed_key_of(&asking.link.backend, settings, key.as_ref()).await;
                if changed.is_some() {
                    key = changed;
                    continue;
                }
            }
            // Nothing was read and nothing is billed; the messages ask for the same.
            if asking.request.infill.is_some()
                && self.backends.cannot_fill_in(&asking.link.backend, &error)
            {
                asking.request.infill = None;
                continue;
            }
            if let Some(max_tokens) = backends::fewer_tokens(&error, &asking.request)
                && std::mem::take(&mut may_ask_for_less)
            {
                asking.ask_for_at_most(max_tokens);
                continue;
            }
            match retry::wait_before_retry(&error, n_retries, position.may_insist()) {
                Some(wait) => pause(wait).await,
                None => return Err(((*error).into(), partial_text)),
            }
            n_retries += 1;
        }
    }
}

/// Tells the breaker what a failure says about the server.
fn note(leave: &Leave<'_>, error: &ModelError) {
    match error.class {
        ErrorClass::Connect { .. } => leave.dead(),
        _ => leave.alive(),
    }
}

async fn pause(wait: Duration) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

/// The request with the limits of task and backend where it names none itself.
fn fitted(order: &Order, link: &Picked, request: Request) -> Request {
    let of_task = order.settings.tasks.get(&order.task).and_then(|task| task.max_tokens);
    Request {
        max_tokens: request.max_tokens.or(of_task).or(link.backend.max_tokens),
        temperature: request.temperature.or(link.backend.temperature),
        ..request
    }
}

fn default_window(link: &Picked) -> u32 {
    match link.backend.place {
        Place::Local => LOCAL_WINDOW,
        Place::Cloud => CLOUD_WINDOW,
    }
}

/// A link whose server was dead a moment ago.
fn skipped(link: &Picked, model: &str) -> GivenUp {
    let error = ModelError {
        message: "it could not be reached less than 30 s ago and was skipped".to_owned(),
        ..error_of(link, model, ErrorClass::Connect { kind: ConnectKind::Other })
    };
    let given_up = GivenUp::new(&link.backend.name, model, error.into());
    let message = format!("{}, and was skipped for 30 s", given_up.fell_back.message);
    GivenUp {
        fell_back: FellBack { message, ..given_up.fell_back },
        standing: Standing::Skipped,
        ..given_up
    }
}

/// A failure of a link that no server reported.
pub(super) fn error_of(link: &Picked, model: &str, class: ErrorClass) -> ModelError {
    ModelError {
        class,
        backend: link.backend.name.clone(),
        provider: link.backend.provider_text(),
        model: model.to_owned(),
        base_url: link.backend.base_url_text.clone(),
        status: None,
        request_id: None,
        message: String::new(),
        partial: false,
    }
}
