//! There is one way out: the gate makes passes, `backends/http.rs` sends, nobody else does either.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            out.push(path);
        }
    }
}

/// The files under `src` whose code, without comments and white space, holds one of the words.
fn files_naming(words: &[&str]) -> Vec<String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut found: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/"))
        .filter(|file| {
            let code = code_of(file);
            words.iter().any(|word| code.contains(word))
        })
        .collect();
    found.sort();
    found
}

/// The code of a file under `src`, without comments and white space.
fn code_of(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    // Without white space, so that it does not matter where a chain of calls is broken.
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.split_whitespace().collect()
}

#[test]
fn only_http_rs_names_the_http_client() {
    assert_eq!(files_naming(&["reqwest"]), ["backends/body.rs", "backends/http.rs"]);
    // Who reads an answer knows an answer, and nothing that a request could be made or sent with.
    let reader = code_of("backends/body.rs");
    assert_eq!(reader.matches("reqwest").count(), 1);
    assert!(reader.contains("usereqwest::Response;"));
    assert_eq!(files_naming(&["RequestBuilder", "Client::builder("]), ["backends/http.rs"]);
    assert_eq!(files_naming(&[".send()"]), ["backends/http.rs"]);
    // No key is told to anybody but who sends.
    assert_eq!(files_naming(&["endpoint.headers("]), ["backends/http.rs"]);
    // The local engine and its supervisor, on a socket of the user's own or on loopback; no prompt goes that way.
    assert_eq!(
        files_naming(&["hyper::", "TcpStream", "UdpSocket", "UnixStream"]),
        ["engine/channel.rs"]
    );
    assert_eq!(files_naming(&["channel::connect("]), ["engine/client.rs", "engine/probe.rs"]);
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/probe.rs");
    assert!(
        !std::fs::read_to_string(probe).unwrap().contains("POST"),
        "it asks, and sends nothing"
    );
}

#[test]
fn only_the_gate_makes_a_pass() {
    assert_eq!(files_naming(&["Pass{"]), ["gate/mod.rs"]);
}

#[test]
fn only_the_router_sends_prompts_and_it_asks_the_gate_first() {
    assert_eq!(files_naming(&["backends.stream(", ".stream(Call"]), ["router/asking.rs"]);
    assert_eq!(files_naming(&["backends.embed("]), ["router/embed.rs"]);
    assert_eq!(
        files_naming(&["gate.clear("]),
        ["router/asking.rs", "router/attempt.rs", "router/embed.rs"]
    );
}

#[test]
fn sending_a_prompt_takes_a_pass() {
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backends/http.rs");
    let code = std::fs::read_to_string(http).unwrap();
    let sends: Vec<&str> =
        code.split("async fn ").filter(|part| part.contains(".send()")).collect();
    assert_eq!(sends.len(), 3, "`send` for prompts; `pull` and `look_up` for models by name");
    assert!(sends[0].starts_with("send(") && sends[0].contains("pass: Pass"));
    assert!(sends[1].starts_with("pull(") && sends[1].contains("model: &str)"));
    assert!(sends[2].starts_with("look_up(") && sends[2].contains("lookup: &Lookup"));
}
