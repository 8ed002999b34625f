//! What the user should know beside the work itself: how arawn is doing, and that code went to a cloud.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::config::{Place, Provider, Settings};
use crate::router::Answer;

use super::ext::StatusNotification;
use super::messages::prefixed;
use super::session::Session;

/// Tells clients with the extension how arawn is doing.
pub(super) async fn status(session: &Session) {
    if !session.state.abilities().extension {
        return;
    }
    let params = session.state.read(|inner| {
        let n_jobs = inner.jobs.all().count();
        let (kind, message) = match (&inner.config_error, n_jobs) {
            (Some(report), _) => ("error", report.message.clone()),
            (None, 0) => ("ok", "ready".to_owned()),
            (None, 1) => ("busy", "1 job is running".to_owned()),
            (None, n_jobs) => ("busy", format!("{n_jobs} jobs are running")),
        };
        json!({
            "kind": kind,
            "message": message,
            "jobs": n_jobs,
            "backend": inner.chosen,
            "last": inner.last,
        })
    });
    session.client.send_notification::<StatusNotification>(params).await;
}

/// Says it, once for each workspace and backend, when an answer came from a cloud.
pub(super) async fn answered(session: &Session, settings: &Settings, answer: &Answer) {
    if !is_cloud(settings, answer) {
        return;
    }
    let roots = session.state.read(|inner| inner.editor.workspace.clone());
    let root = roots.first().map_or_else(|| "-".to_owned(), |root| root.display().to_string());
    let line = format!("{}\t{}", answer.backend, root.replace('\n', " "));
    let folder = settings.state_folder.clone();
    let noted = tokio::task::spawn_blocking(move || note_once(&folder, &line)).await;
    match noted {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => {
            let text = format!(
                "the code you select in this workspace goes to the cloud service \"{}\" ({}). \
                 `cloud = \"never\"` under `[privacy]` forbids it",
                answer.backend, answer.model
            );
            session.tell(prefixed(&text)).await;
        }
        Ok(Err(error)) => tracing::warn!("cloud use could not be noted: {error}"),
        Err(error) => tracing::warn!("cloud use could not be noted: {error}"),
    }
}

fn is_cloud(settings: &Settings, answer: &Answer) -> bool {
    let Some(backend) = settings.backend(&answer.backend) else { return false };
    // Ollama passes models of such names on to its own cloud.
    let is_passed_on = backend.provider == Provider::Ollama
        && (answer.model.ends_with(":cloud") || answer.model.ends_with("-cloud"));
    backend.place == Place::Cloud || is_passed_on
}

/// Adds a line to the list of what has been announced. Returns whether it was new.
fn note_once(folder: &Path, line: &str) -> io::Result<bool> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let path = folder.join("cloud-announced");
    match fs::read_to_string(&path) {
        Ok(noted) if noted.lines().any(|noted| noted == line) => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(&path)?, "{line}")?;
    Ok(true)
}
