//! Holds what arawn did, and what it said of it, against what the editor knows.

use super::answers::Fitted;
use super::editor::Editor;
use super::scenario::{Says, Scenario, Step, Take, normal};

/// How a job ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// `status` of the result.
    pub(crate) status: String,
    /// The sentence at the end of the progress.
    pub(crate) message: String,
    /// What was shown besides, up to the end of the story.
    pub(crate) shown: Vec<String>,
}

/// What a story came to, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Story {
    /// The answer held no edit.
    NoEdit,
    /// The region was as it had been.
    Applied,
    /// The user had typed inside.
    Merged,
    /// It landed in a text it was not made for, and arawn said so.
    OwnedUp,
    /// The client told an untruth, and arawn believed it or not.
    LiedTo,
    /// The user did the same, and a client that checks no versions, or tells late, did it once more.
    DoneTwice,
    /// Nothing was to be done.
    Unchanged,
    /// It waits for the user.
    Proposed,
    /// It was shown.
    Shown,
}

/// Whether arawn did right, and spoke the truth.
pub(crate) fn judge(
    scenario: &Scenario,
    fitted: &Fitted,
    editor: &Editor,
    end: &End,
) -> Result<Story, String> {
    let original: String =
        scenario.document.chars().skip(fitted.range.start).take(fitted.range.len()).collect();
    let text =
        scenario.client.line_break.map_or(fitted.text.clone(), |it| normal(&fitted.text, it));
    // What landed in a text it was not made for may be right all the same.
    let mut has_strayed = None;
    for (nth, landing) in editor.landings.iter().enumerate() {
        match landing.check(&original, &text, editor.is_ambiguous) {
            Err(_)
                if editor.is_ambiguous
                    && landing.is_in_its_old_place_of_another_text(&scenario.document, &text) => {}
            Err(error) if landing.is_in_sync => return Err(format!("edit {}: {error}", nth + 1)),
            Err(error) => has_strayed = Some((error, landing)),
            Ok(()) => {}
        }
    }
    let n_landings = editor.landings.len();
    let is_lied_to = scenario.flights.iter().any(|flight| {
        flight.says != Says::Truth && !(flight.says == Says::Yes && flight.take == Take::Apply)
    });
    if n_landings > 1 && !is_lied_to {
        return Err(format!("{n_landings} edits were made of one answer"));
    }
    match end.status.as_str() {
        // The user may have typed just what was answered.
        "applied" if n_landings == 0 && editor.once_held(&text) => Ok(Story::Unchanged),
        // A client without versions refused, but its user wrote as long a part of the answer as no chance does.
        "applied" if n_landings == 0 && owns_up(end) && wrote_a_part(scenario, &text) => {
            Ok(Story::OwnedUp)
        }
        "applied" if n_landings == 0 => told_untrue(is_lied_to || says_yes(scenario), end),
        "applied" if owns_up(end) && scenario.is_true() && editor.landings[0].is_in_sync => {
            Err(format!("a false alarm: {end:?} {:#?}", editor.landings))
        }
        "applied" if owns_up(end) => Ok(Story::OwnedUp),
        // A client that checks no versions and denies what it did: the edit came twice, and nobody can know.
        "applied" if has_strayed.is_some() && is_lied_to => Ok(Story::LiedTo),
        // Its text shows the edit in its place before the edit is there, and nobody can tell who wrote it.
        "applied" if has_strayed.as_ref().is_some_and(|(_, it)| it.is_done_already(&text)) => {
            Ok(Story::DoneTwice)
        }
        "applied" if has_strayed.is_some() => {
            Err(format!("an edit went astray and nothing was said: {has_strayed:#?}"))
        }
        "applied" => Ok(if editor.landings[0].is_untouched(&original) {
            Story::Applied
        } else {
            Story::Merged
        }),
        "unchanged" if n_landings == 0 => Ok(Story::Unchanged),
        "proposed" if n_landings == 0 => may_wait(scenario, editor, Story::Proposed),
        "shown" if n_landings == 0 => may_wait(scenario, editor, Story::Shown),
        "unchanged" | "proposed" | "shown" => told_untrue(is_lied_to, end),
        status => Err(format!("the job ended {status:?}: {}", end.message)),
    }
}

fn wrote_a_part(scenario: &Scenario, answer: &str) -> bool {
    let is_part = |step: &Step| match step {
        Step::Type { text, .. } => text.len() > 8 && answer.contains(text),
        _ => false,
    };
    let mut steps = scenario.flights.iter().flat_map(|it| it.before.iter().chain(&it.between));
    // A late client tells then of what was typed before.
    let is_late = scenario.client.is_late;
    (is_late && scenario.before.iter().any(is_part))
        || ((is_late || !scenario.client.checks_versions) && steps.any(is_part))
}

fn says_yes(scenario: &Scenario) -> bool {
    scenario.flights.iter().any(|flight| flight.says == Says::Yes)
}

/// A status that is not true is forgiven where the client did not tell the truth.
fn told_untrue(is_lied_to: bool, end: &End) -> Result<Story, String> {
    is_lied_to
        .then_some(Story::LiedTo)
        .ok_or_else(|| format!("it says {:?}, which is not true: {}", end.status, end.message))
}

fn owns_up(end: &End) -> bool {
    let words = ["at the same moment", "not what the edit should have made"];
    let said = |text: &String| words.iter().any(|words| text.contains(words));
    end.shown.iter().chain([&end.message]).any(said)
}

/// Where nothing stood in the way, an edit must be made.
fn may_wait(scenario: &Scenario, editor: &Editor, story: Story) -> Result<Story, String> {
    let is_calm = scenario.flights.iter().all(|flight| flight.before.is_empty());
    let was_still = scenario.before.is_empty() && is_calm && editor.text().is_some();
    if was_still && scenario.is_true() {
        return Err("nothing was done, though nothing had happened".to_owned());
    }
    Ok(story)
}
