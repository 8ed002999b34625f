//! Puts answers before the user: as a Markdown document, or as a message with the path of one.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tower_lsp::lsp_types::request::ShowDocument;
use tower_lsp::lsp_types::{ShowDocumentParams, Url};

use super::messages::{Message, prefixed};
use super::neutral;
use super::requests::ask;
use super::session::Session;
use crate::router::Answer;

/// How many answers are kept; older ones are removed when a new one is written.
const KEPT: usize = 200;

/// How many characters of an answer a message shows.
const IN_MESSAGE: usize = 400;

/// A document for the user to read.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Begins the file's name; made of letters.
    pub(super) stem: String,
    /// The content, already neutral.
    pub(super) markdown: String,
    /// The words that matter, for clients that show no documents; already neutral.
    pub(super) gist: String,
}

/// Writes a page under the state folder and shows it. Returns its path.
pub(super) async fn show(session: &Session, state_folder: &Path, page: Page) -> Option<PathBuf> {
    let folder = state_folder.join("answers");
    let name = file_name(&page.stem);
    let gist = page.gist;
    match write(folder, name, page.markdown.into_bytes()).await {
        Ok(path) => {
            if !open(session, &path).await {
                let words = neutral::shortened(gist.trim(), IN_MESSAGE);
                session.tell(format!("Arawn: {words}\n\n{}", path.display())).await;
            }
            Some(path)
        }
        Err(error) => {
            let words = neutral::shortened(gist.trim(), 4 * IN_MESSAGE);
            session.tell(format!("Arawn: {words}")).await;
            let text =
                format!("the answer could not be written to {}: {error}", state_folder.display());
            session.show(Message::warning(&text)).await;
            None
        }
    }
}

/// Asks the client to open a file. Returns whether it did.
pub(super) async fn open(session: &Session, path: &Path) -> bool {
    if !session.state.abilities().show_document {
        return false;
    }
    let Ok(uri) = Url::from_file_path(path) else { return false };
    let params =
        ShowDocumentParams { uri, external: Some(false), take_focus: Some(false), selection: None };
    let shown = ask::<ShowDocument>(&session.client, params, session.limits.client_answer).await;
    shown.is_ok_and(|result| result.success)
}

/// Writes a private file: the folder 0700, the file 0600, whole or not at all.
pub(super) async fn write(folder: PathBuf, name: String, content: Vec<u8>) -> io::Result<PathBuf> {
    let written = tokio::task::spawn_blocking(move || write_now(&folder, &name, &content)).await;
    written.unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn write_now(folder: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let path = folder.join(name);
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_file(&draft);
    let written = options
        .open(&draft)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&draft, &path));
    if let Err(error) = written {
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    remove_old(folder);
    Ok(path)
}

/// Removes the oldest answers. Names begin with the action, so age is taken from the file.
fn remove_old(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut answers: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .filter(|entry| is_for_reading(&entry.path()))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    if answers.len() <= KEPT {
        return;
    }
    answers.sort();
    let n_old = answers.len() - KEPT;
    for (_, path) in answers.drain(..n_old) {
        let _ = fs::remove_file(path);
    }
}

/// Whether a file is an answer, a proposal or an original, and not one that is needed later.
fn is_for_reading(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default();
    !name.starts_with('.')
        && (extension == "md" || extension == "diff" || name.starts_with("before-"))
}

fn file_name(stem: &str) -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let stem: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{stem}-{}-{}.md", since_epoch.as_millis(), fastrand::u32(..))
}

/// A heading, some remarks, the body and a footer as one page.
pub(super) fn page(
    stem: &str,
    title: &str,
    remark: Option<&str>,
    body: &str,
    footer: &str,
) -> Page {
    let title = neutral::markdown(&neutral::one_line(title));
    let remark = remark.map(neutral::one_line);
    let mut markdown = format!("# {title}\n");
    if let Some(remark) = &remark {
        _ = writeln!(markdown, "> {}", neutral::markdown(remark));
    }
    markdown.push_str(body);
    if !footer.is_empty() {
        _ = write!(
            markdown,
            "
---
{}",
            neutral::markdown(&neutral::one_line(footer))
        );
    }
    let gist = match remark {
        Some(remark) => format!("{remark}\n\n{body}"),
        None => body.to_owned(),
    };
    Page { stem: stem.to_owned(), markdown, gist }
}

/// Who answered, and who did not; then what there is to know of the answer.
pub(super) fn by(answer: &Answer) -> String {
    match remarks(answer) {
        Some(remarks) => neutral::one_line(&format!("{}; {remarks}", by_whom(answer))),
        None => by_whom(answer),
    }
}

/// Who answered, and who did not.
pub(super) fn by_whom(answer: &Answer) -> String {
    let mut text = format!("{} ({})", answer.backend, answer.model);
    for fell_back in &answer.fell_back {
        _ = write!(text, "; {} was given up: {}", fell_back.backend, fell_back.message);
    }
    neutral::one_line(&text)
}

/// What there is to know of an answer, on one line.
pub(super) fn remarks(answer: &Answer) -> Option<String> {
    (!answer.remarks.is_empty()).then(|| answer.remarks.join("; "))
}

/// A sentence about a file that could not be opened for the user.
pub(super) fn where_it_is(path: &Path) -> String {
    prefixed(&format!("the document is {}", path.display()))
}
