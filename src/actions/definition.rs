//! Makes an action of its keys and its template, and says what is wrong with them.

use std::collections::BTreeMap;

use super::{Action, Output, front_matter};
use crate::model::Task;
use crate::prompts::check_template;

/// The keys an action file or table may have.
const KEYS: [&str; 9] =
    ["title", "task", "kind", "output", "languages", "input", "infill", "file", "template"];

/// An action and what was wrong with it without making it useless.
pub(super) struct Defined {
    pub(super) action: Action,
    pub(super) warnings: Vec<String>,
}

/// Makes an action. What is not given is taken from `base`, the action of that id so far.
pub(super) fn define(
    id: &str,
    fields: &BTreeMap<String, String>,
    base: Option<&Action>,
) -> Result<Defined, String> {
    if !is_id(id) {
        return Err(format!(
            "\"{id}\" cannot be the name of an action: use letters, digits, `-` and `_`"
        ));
    }
    let field = |key: &str| fields.get(key).map(String::as_str);
    let output = match field("output") {
        Some(name) => output(name)?,
        None => base.map_or(Output::Answer, |base| base.output),
    };
    let task = match field("task") {
        Some(name) => task(name)?,
        None => base.map_or_else(|| task_for(output), |base| base.task),
    };
    let needs_input = match field("input") {
        Some(value) => truth("input", value)?,
        None => base.is_some_and(|base| base.needs_input),
    };
    let kind = match (field("kind"), base) {
        (Some(kind), _) => valid_kind(kind)?,
        (None, Some(base)) if base.output.is_edit() == output.is_edit() => base.kind.clone(),
        (None, _) => kind_for(id, output),
    };
    let Some(template) = own_template(fields).or(base.map(|base| base.template.as_str())) else {
        return Err("it has no prompt".to_owned());
    };
    check_template(template).map_err(|problem| format!("its prompt is broken: {problem}"))?;
    let infill = match field("infill") {
        Some(value) => truth("infill", value)?,
        // Who writes another prompt wants it to be read.
        None => own_template(fields).is_none() && base.is_some_and(|base| base.infill),
    };
    let file = match field("file") {
        Some(name) => Some(file_name(name)?),
        None => base.and_then(|base| base.file.clone()),
    };
    let title = field("title").map(str::to_owned).or_else(|| base.map(|base| base.title.clone()));
    let languages = field("languages").map(front_matter::list);
    let action = Action {
        id: id.to_owned(),
        title: title.filter(|it| !it.trim().is_empty()).unwrap_or_else(|| title_for(id)),
        task,
        kind,
        output,
        languages: languages
            .unwrap_or_else(|| base.map(|base| base.languages.clone()).unwrap_or_default()),
        needs_input,
        infill: infill && output == Output::Continue,
        file,
        template: template.to_owned(),
    };
    Ok(Defined { action, warnings: unknown_keys(fields) })
}

fn own_template(fields: &BTreeMap<String, String>) -> Option<&str> {
    let template = fields.get("template").or_else(|| fields.get("prompt"))?;
    Some(template.trim()).filter(|it| !it.is_empty())
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn output(name: &str) -> Result<Output, String> {
    Output::from_name(name).ok_or_else(|| {
        let known = Output::ALL.map(Output::as_str).join(", ");
        format!("`output` is \"{name}\", expected one of {known}")
    })
}

fn task(name: &str) -> Result<Task, String> {
    Task::from_name(name).ok_or_else(|| {
        let known = Task::ALL.map(Task::as_str).join(", ");
        format!("`task` is \"{name}\", expected one of {known}")
    })
}

fn truth(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "true" | "required" => Ok(true),
        "false" | "optional" | "none" => Ok(false),
        other => Err(format!("`{key}` is \"{other}\", expected true or false")),
    }
}

fn valid_kind(kind: &str) -> Result<String, String> {
    let fine =
        !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    if fine {
        Ok(kind.to_owned())
    } else {
        Err(format!("`kind` \"{kind}\" is not a code action kind"))
    }
}

/// A name for a file beside the document; no path, so that it stays there.
fn file_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    let is_name = !name.is_empty()
        && !name.starts_with('.')
        && !name.contains(|c: char| c.is_control() || "/\\:*?\"<>|".contains(c));
    if is_name {
        Ok(name.to_owned())
    } else {
        Err(format!("`file` \"{name}\" is not the name of a file beside the document"))
    }
}

fn kind_for(id: &str, output: Output) -> String {
    if output.is_edit() { format!("refactor.rewrite.arawn.{id}") } else { format!("arawn.{id}") }
}

fn task_for(output: Output) -> Task {
    match output {
        Output::Answer => Task::Ask,
        Output::Continue => Task::Complete,
        Output::Diagnostics => Task::Review,
        Output::Replace | Output::InsertBefore | Output::InsertAfter | Output::NewFile => {
            Task::Edit
        }
    }
}

/// `make_it_fast` becomes `Make it fast`.
fn title_for(id: &str) -> String {
    let words = id.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn unknown_keys(fields: &BTreeMap<String, String>) -> Vec<String> {
    let unknown = fields.keys().filter(|key| !KEYS.contains(&key.as_str()) && *key != "prompt");
    unknown
        .map(|key| {
            let nearest = KEYS.iter().map(|known| (strsim::jaro_winkler(key, known), known));
            match nearest.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(likeness, _)| *likeness > 0.8)
            {
                Some((_, known)) => format!("unknown key `{key}`; did you mean `{known}`?"),
                None => format!("unknown key `{key}`"),
            }
        })
        .collect()
}
