//! The conversations of the API, each under an id that cannot be guessed, the least recently used ones forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;

use super::wire::{SaidMessage, SessionDetails, SessionLine};
use crate::conversation::Conversation;
use crate::model::{BackendName, Role};
use crate::router::Answer;

/// Sessions kept.
const MAX_SESSIONS: usize = 256;
/// Text kept of one session; its oldest turns go first.
const MAX_SESSION_BYTES: usize = 4 << 20;
/// Text kept of all.
const MAX_BYTES: usize = 64 << 20;

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    all: Mutex<All>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<String, Arc<Session>>,
    /// Counts uses: clocks are too coarse to tell which of two was used first.
    n_uses: u64,
}

/// One conversation.
#[derive(Debug)]
pub(super) struct Session {
    /// Its id.
    pub(super) id: String,
    /// Held by the turn that runs; the others wait in the order they came.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Ends the turns when the session is deleted or the server stops.
    pub(super) closed: CancellationToken,
    created_at: u64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    conversation: Conversation,
    byte_len: usize,
    last_use: u64,
    last_used_at: u64,
    last_answer: Option<(BackendName, String)>,
}

impl Sessions {
    /// No sessions; the ones to come end with `stop`.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { all: Mutex::default(), stop }
    }

    /// A session that nobody knows of yet; see [`Sessions::keep`]. `None` if the system gives no random numbers.
    pub(super) fn fresh(&self) -> Option<Arc<Session>> {
        let now = now();
        Some(Arc::new(Session {
            id: random_id()?,
            turn: Arc::default(),
            closed: self.stop.child_token(),
            created_at: now,
            kept: Mutex::new(Kept { last_used_at: now, ..Kept::default() }),
        }))
    }

    /// The session of that id.
    pub(super) fn open(&self, id: &str) -> Option<Arc<Session>> {
        let mut all = self.all();
        let session = all.by_id.get(id)?.clone();
        all.use_now(&session);
        Some(session)
    }

    /// Keeps a session that a caller was told of, and forgets others where there are too many.
    pub(super) fn keep(&self, session: &Arc<Session>) {
        if session.closed.is_cancelled() {
            return;
        }
        let mut all = self.all();
        all.by_id.entry(session.id.clone()).or_insert_with(|| session.clone());
        all.use_now(session);
        all.forget_old();
    }

    /// Removes a session and ends its turns; whether there was one.
    pub(super) fn delete(&self, id: &str) -> bool {
        let removed = self.all().by_id.remove(id);
        removed.inspect(|session| session.closed.cancel()).is_some()
    }

    /// All sessions, the newest use first.
    pub(super) fn list(&self) -> Vec<SessionLine> {
        let mut sessions: Vec<_> = self.all().by_id.values().cloned().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.kept().last_use));
        sessions.iter().map(|session| session.line()).collect()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn use_now(&mut self, session: &Session) {
        self.n_uses += 1;
        let mut kept = session.kept();
        kept.last_use = self.n_uses;
        kept.last_used_at = now();
    }

    /// Forgets what was used longest ago until the rest fits. Sessions with a running turn stay.
    fn forget_old(&mut self) {
        loop {
            let n_bytes: usize = self.by_id.values().map(|session| session.kept().byte_len).sum();
            if self.by_id.len() <= MAX_SESSIONS && n_bytes <= MAX_BYTES {
                return;
            }
            let idle = self.by_id.values().filter(|session| session.turn.try_lock().is_ok());
            let newest = self.n_uses;
            let oldest = idle
                .map(|session| (session.kept().last_use, session.id.clone()))
                .filter(|(last_use, _)| *last_use < newest)
                .min();
            let Some((_, id)) = oldest else { return };
            self.by_id.remove(&id);
        }
    }
}

impl Session {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was said so far.
    pub(super) fn conversation(&self) -> Conversation {
        self.kept().conversation.clone()
    }

    /// Takes over what a turn made of the conversation.
    pub(super) fn advance(&self, mut conversation: Conversation, answer: &Answer) {
        conversation.forget_beyond(MAX_SESSION_BYTES);
        let mut kept = self.kept();
        kept.byte_len = conversation.byte_len();
        kept.conversation = conversation;
        kept.last_answer = Some((answer.backend.clone(), answer.model.clone()));
    }

    fn line(&self) -> SessionLine {
        let kept = self.kept();
        let is_users = |role: Role| role == Role::User;
        SessionLine {
            session_id: self.id.clone(),
            created_at: self.created_at,
            last_used_at: kept.last_used_at,
            turns: kept.conversation.messages.iter().filter(|m| is_users(m.role)).count(),
            backend: kept.last_answer.as_ref().map(|(backend, _)| backend.clone()),
            model: kept.last_answer.as_ref().map(|(_, model)| model.clone()),
        }
    }

    /// The session with all that was said.
    pub(super) fn details(&self) -> SessionDetails {
        let messages = self.conversation().messages.iter().map(SaidMessage::from).collect();
        SessionDetails { line: self.line(), messages }
    }
}

/// 128 random bits: whoever has no token but an id has the conversation.
fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Message, StopReason, Usage};

    fn sessions() -> Sessions {
        Sessions::new(CancellationToken::new())
    }

    fn kept(sessions: &Sessions) -> Arc<Session> {
        let session = sessions.fresh().unwrap();
        sessions.keep(&session);
        session
    }

    fn say(session: &Session, byte_len: usize) {
        let mut conversation = session.conversation();
        conversation.messages.push(Message::user("q".repeat(byte_len)));
        conversation.messages.push(Message::assistant("a"));
        let answer = Answer {
            text: "a".to_owned(),
            tool_calls: Vec::new(),
            reason: StopReason::Stop,
            usage: Usage::default(),
            backend: "b".into(),
            model: "m".to_owned(),
            fell_back: Vec::new(),
            remarks: Vec::new(),
            is_filling: false,
            provider_parts: None,
        };
        session.advance(conversation, &answer);
    }

    #[test]
    fn the_session_used_longest_ago_is_forgotten_first() {
        let sessions = sessions();
        let first = kept(&sessions);
        let second = kept(&sessions);
        for _ in 2..MAX_SESSIONS {
            kept(&sessions);
        }
        assert!(sessions.open(&first.id).is_some());
        kept(&sessions);
        assert!(sessions.open(&second.id).is_none());
        assert!(sessions.open(&first.id).is_some());
        assert_eq!(sessions.list().len(), MAX_SESSIONS);
    }

    #[test]
    fn a_session_with_a_running_turn_is_not_forgotten() {
        let sessions = sessions();
        let running = kept(&sessions);
        let turn = running.turn.clone().try_lock_owned().unwrap();
        for _ in 0..=MAX_SESSIONS {
            kept(&sessions);
        }
        assert!(sessions.open(&running.id).is_some());
        drop(turn);
    }

    #[test]
    fn long_sessions_lose_their_oldest_turns_and_many_of_them_the_oldest_sessions() {
        let sessions = sessions();
        let first = kept(&sessions);
        for _ in 0..5 {
            say(&first, 1 << 20);
        }
        assert!(first.kept().byte_len <= MAX_SESSION_BYTES);
        assert_eq!(first.conversation().messages[0].role, Role::User);
        for _ in 0..MAX_BYTES / (3 << 20) {
            let session = kept(&sessions);
            say(&session, 3 << 20);
            sessions.keep(&session);
        }
        assert!(sessions.open(&first.id).is_none());
        let n_bytes: usize = sessions.all().by_id.values().map(|s| s.kept().byte_len).sum();
        assert!(n_bytes <= MAX_BYTES);
    }

    #[test]
    fn a_deleted_session_ends_its_turns_and_does_not_come_back() {
        let sessions = sessions();
        let session = kept(&sessions);
        assert!(sessions.delete(&session.id));
        assert!(session.closed.is_cancelled());
        sessions.keep(&session);
        assert!(sessions.open(&session.id).is_none());
        assert!(!sessions.delete(&session.id));
    }
}
