//! How the tokens of a model's window are shared out.

/// More than this around a selection makes small models slow and no better.
const MOST_FOR_CONTEXT: usize = 6000;

/// The shares of a context window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Tokens the model can read and write together.
    pub window: usize,
    /// Tokens that must be sent: rules, selection, instruction.
    pub fixed: usize,
    /// Tokens kept free for the answer.
    pub answer: usize,
}

impl Budget {
    /// Tokens left for what stands around the selection; `None` when even the rest does not fit.
    pub fn for_context(&self) -> Option<usize> {
        let left = self.window.checked_sub(self.fixed)?.checked_sub(self.answer)?;
        Some(left.min(MOST_FOR_CONTEXT).min(self.window / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_gets_what_is_left_but_never_most_of_the_window() {
        let budget = |window, fixed, answer| Budget { window, fixed, answer }.for_context();
        assert_eq!(budget(8192, 1000, 7000), Some(192));
        assert_eq!(budget(8192, 1000, 1000), Some(4096));
        assert_eq!(budget(200_000, 1000, 1000), Some(6000));
        assert_eq!(budget(1000, 800, 200), Some(0));
        assert_eq!(budget(1000, 800, 201), None);
    }
}
