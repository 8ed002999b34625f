//! Remembers which servers are dead, so that they do not cost every keystroke a connect.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::BackendSettings;

/// How long a server is left alone after a connection failed.
const PAUSE: Duration = Duration::from_secs(30);

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    dead: Mutex<HashMap<Key, Dead>>,
}

/// Name and address: after a change of the address nothing is known.
type Key = (String, String);

#[derive(Clone, Copy, Debug)]
struct Dead {
    until: Instant,
    is_probed: bool,
}

/// Leave to ask a backend. Dropped without a verdict it counts for nothing.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    breaker: &'a Breaker,
    key: Key,
    is_probe: bool,
}

impl Breaker {
    /// Leave to ask a backend, unless it is dead. After the pause one request probes it; the others go on
    /// skipping it until that one knows.
    pub(super) fn leave(&self, backend: &BackendSettings) -> Option<Leave<'_>> {
        let key = key(backend);
        let mut all = self.all();
        let is_probe = match all.get_mut(&key) {
            None => false,
            Some(dead) if dead.is_probed || Instant::now() < dead.until => return None,
            Some(dead) => {
                dead.is_probed = true;
                true
            }
        };
        drop(all);
        Some(Leave { breaker: self, key, is_probe })
    }

    /// Leave to ask a backend although it may be dead.
    pub(super) fn leave_anyway(&self, backend: &BackendSettings) -> Leave<'_> {
        Leave { breaker: self, key: key(backend), is_probe: false }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Dead>> {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The server was reached, whatever it said.
    pub(super) fn alive(&self) {
        self.breaker.all().remove(&self.key);
    }

    /// No connection could be made.
    pub(super) fn dead(&self) {
        let dead = Dead { until: Instant::now() + PAUSE, is_probed: false };
        self.breaker.all().insert(self.key.clone(), dead);
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_probe
            && let Some(dead) = self.breaker.all().get_mut(&self.key)
        {
            dead.is_probed = false;
        }
    }
}

fn key(backend: &BackendSettings) -> Key {
    (backend.name.to_string(), backend.base_url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Clocks, Dialect, Place, Provider};

    fn backend() -> BackendSettings {
        BackendSettings {
            name: "b".into(),
            dialect: Dialect::Ollama,
            provider: Provider::Ollama,
            base_url: "http://localhost:1".parse().unwrap(),
            base_url_text: "http://localhost:1".to_owned(),
            model: None,
            max_tokens: None,
            temperature: None,
            api_key: None,
            headers: std::collections::BTreeMap::new(),
            place: Place::Local,
            clocks: Clocks::for_place(Place::Local),
            context_length: None,
            keep_alive: None,
            engine: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_server_is_skipped_for_half_a_minute_and_probed_by_one() {
        let (breaker, backend) = (Breaker::default(), backend());
        breaker.leave(&backend).unwrap().dead();
        assert!(breaker.leave(&backend).is_none());
        tokio::time::advance(PAUSE).await;
        let probe = breaker.leave(&backend).unwrap();
        assert!(breaker.leave(&backend).is_none(), "only one probes");
        probe.alive();
        assert!(breaker.leave(&backend).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_cancelled_lets_the_next_one_probe() {
        let (breaker, backend) = (Breaker::default(), backend());
        breaker.leave(&backend).unwrap().dead();
        tokio::time::advance(PAUSE).await;
        drop(breaker.leave(&backend).unwrap());
        let probe = breaker.leave(&backend).unwrap();
        probe.dead();
        drop(probe);
        assert!(breaker.leave(&backend).is_none());
    }
}
