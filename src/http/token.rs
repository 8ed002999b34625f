//! The token that callers must show, kept as a digest.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What callers must send as `Authorization: Bearer TOKEN`.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// Keeps a token.
    pub fn new(token: &SecretString) -> Self {
        Self(digest(token.expose_secret()))
    }

    /// Whether a caller's token is this one. The time it takes tells nothing about where they differ.
    pub(super) fn is(&self, shown: &str) -> bool {
        let differing = self.0.iter().zip(digest(shown)).fold(0, |bits, (a, b)| bits | (a ^ b));
        differing == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_token_is_the_token_and_it_is_never_shown() {
        let token = Token::new(&"tok-canary".into());
        assert!(token.is("tok-canary"));
        for other in ["", "tok-canar", "tok-canary ", "TOK-CANARY"] {
            assert!(!token.is(other), "{other:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(***)");
    }
}
