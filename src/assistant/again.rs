//! Asks a model once more when its answer cannot be used, and takes the better of two answers.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::outcome::{Ground, Judged, judge};
use super::{Assistant, Finished, Job, Outcome, Scope};
use crate::actions::Output;
use crate::config::Settings;
use crate::edits::Verdict;
use crate::model::{Request, TooLong};
use crate::prompts::{self, Rejected};
use crate::router::{Answer, Choice, Order, Progress};

/// A job whose document has been looked at.
///
/// Its end is quick: the tree of a large document is taken apart on a thread where nobody waits.
#[derive(Clone)]
pub(super) struct Work {
    job: Arc<Job>,
    scope: Scope,
    pub(super) ground: Arc<Ground>,
}

impl Work {
    /// Looks at the document, on a thread where nobody waits.
    pub(super) async fn of(job: &Job, scope: &Scope, settings: &Arc<Settings>) -> Self {
        let (job, scope, settings) = (Arc::new(job.clone()), scope.clone(), settings.clone());
        let (of, code) = (job.clone(), scope.clone());
        let ground = spawn_blocking(move || Ground::of(&of, &code, &settings));
        // A parser that came to grief costs the outline and a check, not the job.
        let ground = Arc::new(ground.await.unwrap_or_default());
        Self { job, scope, ground }
    }

    /// Decides what may be done with an answer, off the threads that talk.
    pub(super) async fn judged(&self, answer: Answer) -> Tried {
        if self.job.action.output == Output::Answer {
            let judged = judge(&self.job, &self.scope, &answer, &self.ground);
            return Tried { answer: answer.with_ending(), judged };
        }
        let (work, given) = (self.clone(), answer.clone());
        let judging = spawn_blocking(move || judge(&work.job, &work.scope, &given, &work.ground));
        let judged = judging
            .await
            .unwrap_or_else(|_| Judged::unusable("arawn failed to look at the answer"));
        // An edit that was cut is none, and the reason for that is in its result.
        let is_read = matches!(judged.result, Outcome::Answer { .. } | Outcome::Findings(_));
        let answer = if is_read { answer.with_ending() } else { answer };
        Tried { answer, judged }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let last = Arc::into_inner(std::mem::take(&mut self.ground));
        if let (Some(ground), Ok(runtime)) = (last, Handle::try_current()) {
            runtime.spawn_blocking(move || drop(ground));
        }
    }
}

/// An answer, and what it is worth.
pub(super) struct Tried {
    answer: Answer,
    judged: Judged,
}

impl Tried {
    /// What is wrong with the answer, where another may do without.
    pub(super) fn reason_to_ask_again(&self) -> Option<String> {
        let reasons: Vec<&str> =
            self.judged.faults.iter().map(|fault| fault.reason.as_str()).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// The end of a job that asked once.
    pub(super) fn finished(self) -> Finished {
        let Judged { result, checks, .. } = self.judged;
        Finished { answer: self.answer, result, checks, asked_again: None }
    }

    fn rejected(&self, reason: &str, output: Output) -> Rejected {
        let line = self.judged.faults.iter().find_map(|fault| fault.line.clone());
        let answer = self.answer.to_message();
        Rejected { answer, reason: reason.to_owned(), line, output }
    }

    /// How good it is: without a fault, an edit that can be proposed, nothing to do, nothing to use.
    fn rank(&self) -> (u8, usize) {
        let is_failed = |verdict| verdict == Verdict::Failed;
        let n_failed = self.judged.checks.iter().filter(|it| is_failed(it.verdict)).count();
        let rank = match &self.judged.result {
            Outcome::Edit { .. } if self.judged.faults.is_empty() => 3,
            Outcome::NewFile { .. } | Outcome::Findings(_) => 3,
            Outcome::Edit { .. } => 2,
            Outcome::Unchanged | Outcome::Answer { .. } => 1,
            Outcome::Unusable { .. } => 0,
        };
        (rank, usize::MAX - n_failed)
    }

    /// The better of two, the second where they are as good; it carries what both have used.
    fn or_better(self, second: Self) -> Self {
        let usage = self.answer.usage.plus(second.answer.usage);
        let fell_back = self.answer.fell_back.clone();
        let better = if second.rank() >= self.rank() { second } else { self };
        let answer = Answer { usage, fell_back, ..better.answer };
        Self { answer, ..better }
    }
}

impl Assistant {
    /// Asks the backend and model that answered once more, saying what is wrong with the answer.
    ///
    /// Where no second answer comes, the first one is what there is.
    pub(super) async fn ask_again(
        &self,
        work: &Work,
        order: &Order,
        first: Tried,
        reason: String,
        compose: &(dyn Fn(usize) -> Result<Request, TooLong> + Send + Sync),
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Finished {
        watch(Progress::AskedAgain { reason: &reason });
        let rejected = first.rejected(&reason, work.job.action.output);
        let once_more = |window: usize| prompts::ask_again(&rejected, window, compose);
        let choice = Choice {
            backend: Some(first.answer.backend.clone()),
            model: Some(first.answer.model.clone()),
            no_fallback: true,
        };
        let order = Order { choice, ..order.clone() };
        let tried = match self.route(&order, &once_more, watch).await {
            Ok(answer) => first.or_better(work.judged(answer).await),
            Err(failure) => {
                let remark = format!("asked again, and there was no answer: {}", failure.cause);
                let mut first = first;
                first.answer.remarks.push(remark);
                first
            }
        };
        Finished { asked_again: Some(reason), ..tried.finished() }
    }
}
