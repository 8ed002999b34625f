//! Measures `arawn serve` under load: the built binary between many callers and a scripted Ollama.
//!
//! `cargo bench --bench serve` prints one table; the figures stand in docs/performance.md. The same streams are
//! read once through arawn and once by bare sockets, so that what arawn costs can be told from what loopback does.

#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

mod caller;
#[path = "../lsp/upstream.rs"]
#[expect(dead_code, reason = "the other benchmark also watches how requests are cancelled")]
mod upstream;

use std::thread;
use std::time::{Duration, Instant};

use caller::{Serve, Streamed};
use upstream::{Seen, Upstream};

/// Callers at once.
const N_CALLERS: usize = 100;
/// Tokens of each answer.
const N_TOKENS: usize = 1000;
const N_ROUNDS: usize = 10;

fn main() {
    let upstream = Upstream::start();
    println!("| what | median (minimum) | runs |");
    println!("|---|---|---|");
    one_at_a_time(&upstream);
    many_at_once(&upstream);
}

fn row(what: &str, times: &mut [Duration]) {
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (median, least) = (millis(times[times.len() / 2]), millis(times[0]));
    println!("| {what} | {median:.2} ms ({least:.2}) | {} |", times.len());
}

fn one_at_a_time(upstream: &Upstream) {
    let serve = Serve::start(&upstream.config("quick"));
    let (mut there, mut first) = (Vec::new(), Vec::new());
    for n in 0..60 {
        let since = Instant::now();
        let caller = thread::scope(|scope| {
            let streaming = scope.spawn(|| serve.stream());
            let requested = upstream.wait_for(|seen| matches!(seen, Seen::Request));
            (requested, streaming.join().unwrap())
        });
        let (requested, Streamed { first_text, .. }) = caller;
        if n >= 10 {
            there.push(requested.duration_since(since));
            first.push(first_text.duration_since(requested));
        }
    }
    row("caller's request to upstream request", &mut there);
    row("upstream's request to the first `text` event", &mut first);
    println!("| resident after these 60 answers | {:.1} MB | 1 |", serve.resident_megabytes());
}

/// 100 streams of 1,000 tokens at once; a lost, doubled or misplaced token ends the benchmark.
fn many_at_once(upstream: &Upstream) {
    let serve = Serve::start(&upstream.config("thousand"));
    let (mut ours, mut bare, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..N_ROUNDS {
        let since = Instant::now();
        thread::scope(|scope| {
            let callers: Vec<_> = (0..N_CALLERS).map(|_| scope.spawn(|| serve.stream())).collect();
            for caller in callers {
                let streamed = caller.join().unwrap();
                assert_eq!(streamed.text, "tok ".repeat(N_TOKENS), "a token was lost");
                assert_eq!(streamed.output_tokens, N_TOKENS as u64);
            }
        });
        ours.push(since.elapsed());
        resident.push(serve.resident_megabytes());
        let since = Instant::now();
        upstream.read_bare(N_CALLERS);
        bare.push(since.elapsed());
    }
    row("100 streams of 1,000 tokens at once", &mut ours);
    row("the same 100 streams read by bare sockets", &mut bare);
    println!("| tokens lost | 0 | {} |", N_ROUNDS * N_CALLERS * N_TOKENS);
    println!("| resident after the first round | {:.1} MB | 1 |", resident[0]);
    println!("| resident after {N_ROUNDS} rounds | {:.1} MB | 1 |", resident[N_ROUNDS - 1]);
    println!("| most ever resident | {:.1} MB | 1 |", serve.most_resident_megabytes());
}
