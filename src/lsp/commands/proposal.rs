//! `arawn.proposal`: lists, shows, applies and discards edits that wait for the user.

use std::sync::Arc;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};

use crate::lsp::apply::{self, Applied};
use crate::lsp::commands::{argument, refused};
use crate::lsp::edit::look_after;
use crate::lsp::messages::{Message, prefixed};
use crate::lsp::present::{self, Shown};
use crate::lsp::proposals::{self, Kept, ProposalId};
use crate::lsp::session::Session;

/// Without `do` and without a proposal it lists them.
pub(in crate::lsp) async fn proposal(
    session: &Arc<Session>,
    argument: &Value,
) -> Result<Option<Value>> {
    let what: Option<String> = argument::optional(argument, "do")?;
    let id: Option<String> = argument::optional(argument, "proposalId")?;
    let what = what.unwrap_or_else(|| if id.is_some() { "show" } else { "list" }.to_owned());
    if what == "list" {
        return Ok(Some(list(session)));
    }
    let id =
        id.ok_or_else(|| Error::invalid_params("`proposalId` is missing from the argument"))?;
    let id = known(session, &id)?;
    match what.as_str() {
        "apply" => apply(session, id, hunks(session, id, argument)?).await,
        "discard" => {
            session.state.write(|inner| inner.proposals.discard(id));
            present::refresh(session);
            Ok(Some(json!({ "proposalId": id, "status": "discarded" })))
        }
        "show" => {
            let path = match present::show(session, id).await {
                Shown::InPreview | Shown::Opened | Shown::Not => None,
                Shown::Written(path) => Some(path),
            };
            if let Some(path) = path {
                let text = format!("the proposal is shown in {}", path.display());
                session.tell(prefixed(&text)).await;
            }
            Ok(Some(told(session, id)))
        }
        _ => Err(Error::invalid_params(format!(
            "`do` is \"{what}\"; it can be apply, discard, show or list"
        ))),
    }
}

fn list(session: &Session) -> Value {
    session
        .state
        .read(|inner| inner.proposals.all().map(|kept| kept.told(inner)).collect::<Vec<_>>().into())
}

fn told(session: &Session, id: ProposalId) -> Value {
    session.state.read(|inner| inner.proposals.find(id).map(|kept| kept.told(inner))).into()
}

fn known(session: &Session, text: &str) -> Result<ProposalId> {
    let id = ProposalId::from_text(text);
    let is_known =
        |id: &ProposalId| session.state.read(|inner| inner.proposals.find(*id).is_some());
    id.filter(is_known)
        .ok_or_else(|| Error::invalid_params(format!("there is no proposal \"{text}\" (any more)")))
}

/// The chosen hunks, counted from 0; they must be there.
fn hunks(session: &Session, id: ProposalId, argument: &Value) -> Result<Option<Vec<usize>>> {
    let Some(numbers) = argument::optional::<Vec<usize>>(argument, "hunks")? else {
        return Ok(None);
    };
    let n_hunks = |kept: &Kept| kept.draft.proposal.hunks().len();
    let n_hunks = session.state.read(|inner| inner.proposals.find(id).map_or(0, n_hunks));
    if let Some(number) = numbers.iter().find(|&&number| number == 0 || number > n_hunks) {
        let text = format!("there is no hunk {number}; {id} has {n_hunks}, counted from 1");
        return Err(Error::invalid_params(text));
    }
    Ok(Some(numbers.into_iter().map(|number| number - 1).collect()))
}

async fn apply(
    session: &Arc<Session>,
    id: ProposalId,
    chosen: Option<Vec<usize>>,
) -> Result<Option<Value>> {
    let title = session
        .state
        .read(|inner| inner.proposals.find(id).map(|kept| kept.draft.title.clone()))
        .unwrap_or_default();
    let label = format!("Arawn: {title}");
    let want = |inner: &mut _| proposals::wanted(inner, id, chosen.as_deref());
    let problem = match apply::apply(session, &label, want).await {
        Ok(Applied::Yes(sent)) => {
            tokio::spawn(look_after(session.clone(), sent, title.clone()));
            None
        }
        Ok(Applied::Crossed(sent)) => {
            look_after(session.clone(), sent, title.clone()).await;
            None
        }
        Ok(Applied::Refused(reason)) => Some(reason),
        Err(not_applicable) => Some(not_applicable.to_string()),
    };
    present::refresh(session);
    if let Some(problem) = problem {
        session.state.write(|inner| {
            if let Some(kept) = inner.proposals.find_mut(id) {
                kept.draft.proposal.expect_nothing();
            }
        });
        let text = format!("{title}: not applied: {problem}");
        // Who called from a menu sees no error of the command.
        session.show(Message::warning(&text)).await;
        return Err(refused(text));
    }
    let mut told = told(session, id);
    told["status"] = json!("applied");
    Ok(Some(told))
}
