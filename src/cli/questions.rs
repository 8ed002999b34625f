//! Questions on the terminal: a number, a name, or Enter for what is proposed. Ctrl-C and Ctrl-D stop them all.

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Behavior, ColorMode, Config, Editor};

use super::note;
use crate::report::{Kind, Report};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Halt {
    /// The user wants no more questions.
    Stopped,
    /// It cannot be asked, or cannot be.
    Failed(Report),
}

impl From<Report> for Halt {
    fn from(report: Report) -> Self {
        Self::Failed(report)
    }
}

/// See the module.
pub(super) struct Questions {
    editor: Editor<(), MemHistory>,
}

impl Questions {
    /// Questions on this process's terminal.
    pub(super) fn new() -> Result<Self, Report> {
        let config = Config::builder()
            .auto_add_history(false)
            .color_mode(ColorMode::Disabled)
            // With stdout in a file or pipe, the dialog is held on the terminal itself.
            .behavior(Behavior::PreferTerm)
            .build();
        let editor = Editor::with_history(config, MemHistory::new());
        Ok(Self { editor: editor.map_err(|error| no_terminal(&error))? })
    }

    /// Has one of these chosen by its number; Enter takes the usual one.
    pub(super) fn choose(
        &mut self,
        question: &str,
        options: &[String],
        usual: usize,
    ) -> Result<usize, Halt> {
        show(question, options);
        self.until(&format!("[{}]", usual + 1), |line| match line {
            "" => Ok(usual),
            line => number(line, options.len())
                .ok_or_else(|| format!("a number from 1 to {}", options.len())),
        })
    }

    /// The same with the first as the usual one; also takes a name that is not among them.
    pub(super) fn choose_or_name(
        &mut self,
        question: &str,
        options: &[String],
    ) -> Result<String, Halt> {
        show(question, options);
        self.until("[1], or a name", |line| {
            let is_number = line.chars().all(|c| c.is_ascii_digit());
            match number(line, options.len()) {
                _ if line.is_empty() => Ok(options[0].clone()),
                Some(idx) => Ok(options[idx].clone()),
                None if is_number => {
                    Err(format!("a number from 1 to {}, or a name", options.len()))
                }
                None => Ok(line.to_owned()),
            }
        })
    }

    /// Has a line written; Enter takes the usual one. `check` says what is wrong with it.
    pub(super) fn text(
        &mut self,
        question: &str,
        usual: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Halt> {
        note(question);
        let prompt = if usual.is_empty() { String::new() } else { format!("[{usual}]") };
        self.until(&prompt, |line| {
            let line = if line.is_empty() { usual } else { line };
            check(line).map(|()| line.to_owned())
        })
    }

    /// Reads lines until one makes an answer.
    fn until<T>(
        &mut self,
        usual: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Halt> {
        let prompt = if usual.is_empty() { "> ".to_owned() } else { format!("{usual} > ") };
        loop {
            match self.editor.readline(&prompt) {
                Ok(line) => match read(line.trim()) {
                    Ok(answer) => return Ok(answer),
                    Err(expected) => note(&format!("please: {expected}")),
                },
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => return Err(Halt::Stopped),
                Err(error) => return Err(no_terminal(&error).into()),
            }
        }
    }
}

fn show(question: &str, options: &[String]) {
    note(question);
    for (idx, option) in options.iter().enumerate() {
        note(&format!("  {:>2}  {option}", idx + 1));
    }
}

/// The option that a number means.
fn number(line: &str, n_options: usize) -> Option<usize> {
    line.parse::<usize>()
        .ok()
        .filter(|number| (1..=n_options).contains(number))
        .map(|number| number - 1)
}

fn no_terminal(error: &ReadlineError) -> Report {
    Report::new(Kind::Work, "cannot ask on the terminal")
        .because(error.to_string())
        .with_hint("use flags: `arawn config init --help`")
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_count_from_one_and_others_mean_nothing() {
        assert_eq!((number("1", 2), number("2", 2)), (Some(0), Some(1)));
        assert_eq!((number("0", 2), number("3", 2), number("x", 2)), (None, None, None));
    }
}
