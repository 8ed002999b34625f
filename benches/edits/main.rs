//! Measures what the checks of edits cost, and what they are good for.
//!
//! `cargo bench --bench edits` runs the real assistant against a scripted model on loopback and prints two
//! tables; `-- time` or `-- faulty` prints one of them. The figures stand in docs/performance.md and docs/edits.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]
#![expect(clippy::cast_precision_loss, reason = "the counts are small")]

mod faulty;
mod functions;
mod setup;
mod upstream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arawn::assistant::Outcome;

use functions::{LANGUAGES, Language};
use setup::{Reask, Setup};
use upstream::Upstream;

/// Lines of the document and of the selection.
const N_LINES: usize = 10_000;
const N_SELECTED: usize = 200;
const N_RUNS: usize = 100;
/// For how long the model is at its answer: much less than it takes to write 200 lines.
const WRITING: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() {
    let is_wanted = |name: &str| {
        let mut given = std::env::args().skip(1).filter(|it| !it.starts_with("--")).peekable();
        given.peek().is_none() || given.any(|it| it == name)
    };
    if is_wanted("time") {
        times().await;
    }
    if is_wanted("faulty") {
        faulty::run().await;
    }
}

async fn times() {
    println!(
        "| last token to a checked edit, {N_SELECTED} of {N_LINES} lines | median (minimum) | 99th percentile | runs |"
    );
    println!("|---|---|---|---|");
    for language in LANGUAGES.iter().filter(|it| ["rust", "typescript", "python"].contains(&it.id))
    {
        time(language).await;
    }
}

async fn time(language: &Language) {
    let n_functions = |n_lines: usize| {
        let pair = language.document(0..2, "total").lines().count();
        2 * n_lines / pair
    };
    let (n_all, n_selected) = (n_functions(N_LINES), n_functions(N_SELECTED));
    let first = n_all / 2;
    let before = language.document(0..first, "total");
    let selected = language.document(first..first + n_selected, "total");
    let after = language.document(first + n_selected..n_all, "total");
    let range = before.chars().count()..before.chars().count() + selected.chars().count();
    let document = before + &selected + &after;
    let right = language.document(first..first + n_selected, "amount");
    let answer = Arc::new(Mutex::new(format!("```{}\n{right}```", language.id)));
    let upstream = Upstream::start(WRITING, Arc::new(move |_| answer.lock().unwrap().clone()));
    let setup = Setup::new(&upstream.url(), Reask::Once);
    let mut times = Vec::new();
    for _ in 0..N_RUNS {
        let job = setup.job(&document, language.id, range.clone());
        let finished = setup.assistant.run(&job, &mut |_| ()).await.unwrap();
        times.push(upstream.last_token().elapsed());
        let Outcome::Edit { text, caution: None, .. } = &finished.result else {
            panic!("{:?}, {:?}", finished.checks, finished.asked_again);
        };
        assert_eq!(text.trim_end(), right.trim_end());
    }
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let [median, least, most] =
        [times.len() / 2, 0, times.len() * 99 / 100].map(|at| millis(times[at]));
    println!("| {} | {median:.2} ms ({least:.2}) | {most:.2} ms | {N_RUNS} |", language.id);
}
