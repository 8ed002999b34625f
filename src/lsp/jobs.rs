//! The jobs that run, and what happened to their documents meanwhile.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use ropey::Rope;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tower_lsp::lsp_types::Url;

use crate::edits::Region;
use crate::model::BackendName;
use crate::text::{Change, CharRange};

use super::place::Place;

/// Names a job to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JobId(u64);

impl JobId {
    /// The job a client means.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        text.strip_prefix("job-")?.parse().ok().map(Self)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job-{}", self.0)
    }
}

impl Serialize for JobId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One running job.
#[derive(Debug)]
pub(super) struct Running {
    /// Ends it.
    pub(super) token: CancellationToken,
    /// The document it works on.
    pub(super) place: Place,
    /// What the user picked.
    pub(super) title: String,
    /// Since when.
    pub(super) since: Instant,
    /// Who is being asked.
    pub(super) asked: Option<(BackendName, String)>,
    /// Everything that changed in the document since the job's snapshot.
    changes: Vec<Change>,
}

impl Running {
    /// Where a range of the job's snapshot, whose text is `before`, lies in the text as it is `now`.
    pub(super) fn region_now(&self, range: CharRange, before: &Rope, now: &Rope) -> Region {
        Region::followed(range, &self.changes, before, now)
    }
}

/// All running jobs.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    n_begun: u64,
    running: BTreeMap<JobId, Running>,
}

impl Jobs {
    /// Enters a job.
    pub(super) fn begin(&mut self, uri: Url, title: String) -> (JobId, CancellationToken) {
        self.n_begun += 1;
        let id = JobId(self.n_begun);
        let token = CancellationToken::new();
        let running = Running {
            token: token.clone(),
            place: Place::new(uri),
            title,
            since: Instant::now(),
            asked: None,
            changes: Vec::new(),
        };
        self.running.insert(id, running);
        (id, token)
    }

    /// Strikes a job out.
    pub(super) fn end(&mut self, id: JobId) {
        self.running.remove(&id);
    }

    /// A running job.
    pub(super) fn running(&mut self, id: JobId) -> Option<&mut Running> {
        self.running.get_mut(&id)
    }

    /// All that run, oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = (JobId, &Running)> {
        self.running.iter().map(|(id, running)| (*id, running))
    }

    /// Cancels one job, or all. Returns how many.
    pub(super) fn cancel(&self, id: Option<JobId>) -> usize {
        let concerned =
            self.running.iter().filter(|(running, _)| id.is_none_or(|id| id == **running));
        concerned.map(|(_, running)| running.token.cancel()).count()
    }

    /// Lets the jobs on a document follow a change to it.
    pub(super) fn follow(&mut self, uri: &Url, change: &Change) {
        for running in self.running.values_mut().filter(|running| running.place.is_open_at(uri)) {
            running.changes.push(change.clone());
        }
    }

    /// Tells the jobs on a document that it is opened again.
    pub(super) fn open(&mut self, uri: &Url, text: &str) {
        for running in self.running.values_mut() {
            running.changes.extend(running.place.open(uri, text).into_iter().flatten());
        }
    }

    /// The places of all jobs.
    pub(super) fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        self.running.values_mut().map(|running| &mut running.place)
    }
}
