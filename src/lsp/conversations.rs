//! The conversations of this session, as many as were held lately.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::conversation::Conversation;

/// How many are kept.
const MAX_KEPT: usize = 32;

/// One conversation. Its turns wait for each other; those of others do not.
pub(super) type Shared = Arc<Mutex<Conversation>>;

/// See the module. The one used last stands last.
#[derive(Debug, Default)]
pub(super) struct Conversations {
    n_begun: u64,
    kept: Vec<(String, Shared)>,
}

impl Conversations {
    /// The conversation of that name; a new one where there is none, or no name.
    pub(super) fn find_or_begin(&mut self, id: Option<String>) -> (String, Shared) {
        let id = id.unwrap_or_else(|| self.unused_id());
        let known = self.kept.iter().position(|(known, _)| *known == id);
        let (id, conversation) = match known {
            Some(at) => self.kept.remove(at),
            None => (id, Shared::default()),
        };
        if self.kept.len() >= MAX_KEPT {
            // One that is being answered is in use and stays, if any other can go.
            let idle = self.kept.iter().position(|(_, shared)| Arc::strong_count(shared) == 1);
            self.kept.remove(idle.unwrap_or(0));
        }
        self.kept.push((id.clone(), conversation.clone()));
        (id, conversation)
    }

    fn unused_id(&mut self) -> String {
        loop {
            self.n_begun += 1;
            let id = format!("chat-{}", self.n_begun);
            if self.kept.iter().all(|(known, _)| *known != id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_not_used_for_longest_is_forgotten_but_none_in_use() {
        let mut conversations = Conversations::default();
        let (first, in_use) = conversations.find_or_begin(None);
        let (second, _) = conversations.find_or_begin(None);
        assert_eq!((first.as_str(), second.as_str()), ("chat-1", "chat-2"));
        for n in 0..MAX_KEPT {
            conversations.find_or_begin(Some(format!("other {n}")));
        }
        assert_eq!(conversations.kept.len(), MAX_KEPT);
        assert!(Arc::ptr_eq(&conversations.find_or_begin(Some(first)).1, &in_use));
        assert!(conversations.kept.iter().all(|(id, _)| *id != second));
    }
}
