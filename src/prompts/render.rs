//! Rendering of templates: strict about names, without escaping, without access to anything but its values.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde::Serialize;

use crate::edits::fence_longer_than;

/// What an action's template can use.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Values {
    pub(super) selection: String,
    pub(super) file: String,
    pub(super) language: String,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) outline: String,
    pub(super) diagnostics: String,
    pub(super) instruction: String,
    pub(super) rules: String,
}

/// Checks an action's template: its syntax, and that it uses no name that does not exist.
///
/// # Errors
/// What is wrong, in one line.
pub fn check_template(template: &str) -> Result<(), String> {
    let word = || "x".to_owned();
    let filled = Values {
        selection: word(),
        file: word(),
        language: word(),
        prefix: word(),
        suffix: word(),
        outline: word(),
        diagnostics: word(),
        instruction: word(),
        rules: word(),
    };
    // Both ways through an `if`.
    for values in [Values::default(), filled] {
        render(template, &values).map_err(|error| describe(&error))?;
    }
    Ok(())
}

/// Renders a template with values.
pub(super) fn render(template: &str, values: &impl Serialize) -> Result<String, Error> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);
    ENVIRONMENT.render_str(template, Serde(values))
}

/// Which of the given names a template uses.
pub(super) fn uses(template: &str, name: &str) -> bool {
    // Most templates do not even hold the word.
    template.contains(name)
        && environment()
            .template_from_str(template)
            .is_ok_and(|template| template.undeclared_variables(false).contains(name))
}

/// An error in one line, with the line of the template.
pub(super) fn describe(error: &Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {detail}"),
        None => detail,
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("fenced", fenced);
    environment.add_filter("line", with_line_break);
    environment
}

/// A text as a code block that nothing in it can close.
fn fenced(text: String) -> String {
    let fence = fence_longer_than(&[&text]);
    format!("{fence}\n{}{fence}", with_line_break(text))
}

fn with_line_break(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
