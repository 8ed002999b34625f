//! Measures what the checks of edits cost, and what they are good for.
//!
//! `cargo bench --bench edits` runs against a scripted model on loopback and prints two tables; `-- time` (the built
//! binary as a language server) or `-- faulty` (the assistant) prints one of them. The figures stand in
//! docs/performance.md and docs/edits.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]
#![expect(clippy::cast_precision_loss, reason = "the counts are small")]

#[path = "../lsp/client.rs"]
#[expect(dead_code, reason = "the rest of it serves the other benchmark")]
mod client;
mod faulty;
mod functions;
mod setup;
mod upstream;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use client::Client;
use functions::{LANGUAGES, Language};
use upstream::Upstream;

/// Lines of the document and of the selection.
const N_LINES: usize = 10_000;
const N_SELECTED: usize = 200;
const N_RUNS: usize = 100;
/// Runs before those that count.
const N_WARMING: usize = 5;
/// For how long the model is at its answer: much less than it takes to write 200 lines.
const WRITING: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() {
    let is_wanted = |name: &str| {
        let mut given = std::env::args().skip(1).filter(|it| !it.starts_with("--")).peekable();
        given.peek().is_none() || given.any(|it| it == name)
    };
    if is_wanted("time") {
        times();
    }
    if is_wanted("faulty") {
        faulty::run().await;
    }
}

fn times() {
    println!(
        "| last token to `applyEdit`, {N_SELECTED} of {N_LINES} lines | median (minimum) | 99th percentile | most | runs |"
    );
    println!("|---|---|---|---|---|");
    for language in LANGUAGES.iter().filter(|it| ["rust", "typescript", "python"].contains(&it.id))
    {
        time(language);
    }
}

/// From the model's last token to the request that applies the edit, as an editor reads it from its pipe.
fn time(language: &Language) {
    let n_functions = |n_lines: usize| {
        let pair = language.document(0..2, "total").lines().count();
        2 * n_lines / pair
    };
    let (n_all, n_selected) = (n_functions(N_LINES), n_functions(N_SELECTED));
    let first = n_all / 2;
    let before = language.document(0..first, "total");
    let selected = language.document(first..first + n_selected, "total");
    let after = language.document(first + n_selected..n_all, "total");
    let n_lines = |text: &str| u32::try_from(text.lines().count()).unwrap();
    let range = (n_lines(&before), n_lines(&before) + n_lines(&selected));
    let document = before + &selected + &after;
    let right = language.document(first..first + n_selected, "amount");
    let answer = format!("```{}\n{right}```", language.id);
    let upstream = Upstream::start(WRITING, Arc::new(move |_| answer.clone()));
    let mut client = Client::started(&setup::config(&upstream.url(), setup::Reask::Once));
    let uri = format!("file:///time.{}", language.id);
    client.open_as(&uri, language.id, &document);
    let mut times = Vec::new();
    for n in 0..N_RUNS + N_WARMING {
        let (start, end) = ((range.0, 0), (range.1, 0));
        let id = client.run_action("refactor", &uri, start, end, &json!({ "wait": true }));
        let applied = client.answer_apply_edit();
        let result = client.response(id);
        assert_eq!(result["status"], "applied", "{result}");
        assert_eq!(result["text"].as_str().unwrap().trim_end(), right.trim_end());
        if n >= N_WARMING {
            times.push(applied.saturating_duration_since(upstream.last_token()));
        }
        client.put_back(&uri, &document);
    }
    client.end();
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let [median, least, slow, most] =
        [times.len() / 2, 0, times.len() * 99 / 100 - 1, times.len() - 1]
            .map(|at| millis(times[at]));
    println!(
        "| {} | {median:.2} ms ({least:.2}) | {slow:.2} ms | {most:.2} ms | {N_RUNS} |",
        language.id
    );
}
