//! Measures what an editor's user feels: the built binary as a language server, against a scripted Ollama.
//!
//! `cargo bench --bench lsp` prints one table; the figures stand in docs/performance.md. Times are medians
//! (minimum in brackets) of whole round trips through pipes, as an editor sees them.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

mod client;
mod upstream;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use client::Client;
use upstream::{Seen, Upstream};

fn main() {
    let upstream = Upstream::start();
    println!("| what | median (minimum) | runs |");
    println!("|---|---|---|");
    cold_start(&upstream);
    memory(&upstream);
    code_actions(&upstream);
    actions(&upstream);
    cancel(&upstream);
    typing_during_an_answer(&upstream);
    edits(&upstream);
    many_jobs(&upstream);
}

fn row(what: &str, times: &mut [Duration]) {
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, least) = (millis(times[times.len() / 2]), millis(times[0]));
    println!("| {what} | {median:.2} ms ({least:.2}) | {} |", times.len());
}

fn cold_start(upstream: &Upstream) {
    let mut times = Vec::new();
    for _ in 0..25 {
        let since = Instant::now();
        let mut client = Client::spawn(&upstream.config("quick"));
        client.initialize();
        times.push(since.elapsed());
        client.end();
    }
    row("start of the process to `initialize` answered", &mut times);
}

fn memory(upstream: &Upstream) {
    let mut client = Client::started(&upstream.config("quick"));
    println!("| resident after start | {:.1} MB | 1 |", client.resident_megabytes());
    client.open("file:///big1.rs", &document(1 << 20));
    client.code_actions("file:///big1.rs", 0, 1);
    println!("| resident with a 1 MB document | {:.1} MB | 1 |", client.resident_megabytes());
    client.end();
    let mut client = Client::started(&upstream.config("quick"));
    client.open("file:///big10.rs", &document(10 << 20));
    client.code_actions("file:///big10.rs", 0, 1);
    println!("| resident with a 10 MB document | {:.1} MB | 1 |", client.resident_megabytes());
    client.end();
}

fn code_actions(upstream: &Upstream) {
    let mut client = Client::started(&upstream.config("quick"));
    for n in 0..100 {
        client.open(&format!("file:///doc{n}.rs"), &document(20_000));
    }
    let mut times = Vec::new();
    for n in 0..500 {
        let since = Instant::now();
        let actions = client.code_actions(&format!("file:///doc{}.rs", n % 100), 2, 6);
        times.push(since.elapsed());
        assert!(!actions.as_array().unwrap().is_empty());
    }
    row("code actions, 100 documents open", &mut times);
    let p99 = times[times.len() * 99 / 100].as_secs_f64() * 1e3;
    println!("| code actions, 99th percentile | {p99:.2} ms | {} |", times.len());
    client.end();
}

/// Editor request to upstream request, first token to progress, last token to `applyEdit`.
fn actions(upstream: &Upstream) {
    let mut client = Client::started(&upstream.config("quick"));
    let uri = "file:///act.rs";
    let text = "fn f() {\n    let x = 1;\n}\n";
    client.open(uri, text);
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for n in 0..60 {
        let since = Instant::now();
        let id = client.run_action(
            "edit",
            uri,
            (1, 4),
            (1, 14),
            &json!({"input": "rename", "wait": true}),
        );
        let requested = upstream.wait_for(|seen| matches!(seen, Seen::Request));
        let ended = upstream.wait_for(|seen| matches!(seen, Seen::LastSent));
        let applied = client.answer_apply_edit();
        let result = client.response(id);
        assert_eq!(result["status"], "applied", "{result}");
        if n >= 10 {
            there.push(requested.duration_since(since));
            back.push(applied.saturating_duration_since(ended));
        }
        client.put_back(uri, text);
    }
    row("editor request to upstream request", &mut there);
    row("last token to `applyEdit`", &mut back);
    println!("| connections for these {} jobs | {} | 1 |", 60, upstream.n_connections());
    client.end();
}

fn cancel(upstream: &Upstream) {
    let mut client = Client::started(&upstream.config("hold"));
    let uri = "file:///cancel.rs";
    client.open(uri, "fn f() {\n    let x = 1;\n}\n");
    let (mut closed, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        let id = client.run_action(
            "edit",
            uri,
            (1, 4),
            (1, 14),
            &json!({"input": "rename", "wait": true}),
        );
        upstream.wait_for(|seen| matches!(seen, Seen::Holding));
        let since = Instant::now();
        client.notify("$/cancelRequest", &json!({"id": id}));
        let response = client.raw_response(id);
        answered.push(since.elapsed());
        assert_eq!(response["error"]["code"], -32800, "{response}");
        closed.push(
            upstream
                .wait_for(|seen| matches!(seen, Seen::ClientClosed))
                .saturating_duration_since(since),
        );
    }
    row("cancel to upstream socket closed", &mut closed);
    row("cancel to answer -32800", &mut answered);
    client.end();
}

fn typing_during_an_answer(upstream: &Upstream) {
    let mut client = Client::started(&upstream.config("hold"));
    let uri = "file:///typing.rs";
    client.open(uri, "fn f() {\n    let x = 1;\n}\n");
    let id =
        client.run_action("edit", uri, (1, 4), (1, 14), &json!({"input": "rename", "wait": true}));
    upstream.wait_for(|seen| matches!(seen, Seen::Holding));
    let mut times = Vec::new();
    for version in 2..202 {
        let since = Instant::now();
        client.change(uri, version, (0, 0), (0, 0), "x");
        client.code_actions(uri, 0, 1);
        times.push(since.elapsed());
    }
    row("edit and code actions while an answer runs", &mut times);
    client.notify("$/cancelRequest", &json!({"id": id}));
    client.raw_response(id);
    client.end();
}

fn edits(upstream: &Upstream) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut client = Client::started(&upstream.config("quick"));
        let uri = "file:///edits.rs";
        client.open(uri, &document(1 << 20));
        client.code_actions(uri, 0, 1);
        let since = Instant::now();
        for n in 0..10_000_i32 {
            let line = u32::try_from(n).unwrap() * 7 % 10_000;
            client.change(uri, n + 2, (line, 3), (line, 3), "x");
        }
        client.code_actions(uri, 0, 1);
        times.push(since.elapsed());
        client.end();
    }
    row("10,000 single-character edits in 1 MB", &mut times);
}

/// 100 jobs of 1,000 tokens at once, beside a bare client that only reads the same streams.
fn many_jobs(upstream: &Upstream) {
    const N_JOBS: usize = 100;
    let mut client = Client::started(&upstream.config("thousand"));
    let uri = "file:///many.rs";
    client.open(uri, &document(20_000));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let since = Instant::now();
        let ids: Vec<i64> = (0..N_JOBS)
            .map(|n| {
                let line = u32::try_from(n).unwrap();
                client.run_action("explain", uri, (line, 0), (line, 5), &json!({"wait": true}))
            })
            .collect();
        for id in ids {
            let result: Value = client.response(id);
            assert_eq!(result["usage"]["output_tokens"], 1000, "{result}");
            assert_eq!(
                result["text"].as_str().unwrap().matches("tok").count(),
                1000,
                "a token was lost"
            );
        }
        ours.push(since.elapsed());
        let since = Instant::now();
        upstream.read_bare(N_JOBS);
        bare.push(since.elapsed());
    }
    row("100 jobs of 1,000 tokens at once", &mut ours);
    row("the same 100 streams read by a bare loop", &mut bare);
    println!("| resident after 500 such jobs | {:.1} MB | 1 |", client.resident_megabytes());
    client.end();
}

/// Rust-like text of about `byte_len` bytes.
fn document(byte_len: usize) -> String {
    let line = "    let value = compute(one, two, \"three\"); // a line of code\n";
    line.repeat(byte_len / line.len() + 1)
}
