//! `arawn embed`.

use serde_json::{Value, json};

use crate::home::{CANARY, Home};
use crate::upstream::{Exchange, Upstream};

fn ollama_vectors(vectors: &Value) -> Exchange {
    Exchange::json(
        "200 OK",
        &json!({"model": "e", "embeddings": vectors, "prompt_eval_count": 4}).to_string(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_text_gives_a_line_of_numbers() {
    let upstream = Upstream::start([ollama_vectors(&json!([[0.1, -0.25], [1, 0]]))]).await;
    let home = Home::new(&format!(
        "[embeddings]\nbackend = \"ollama\"\nmodel = \"e\"\n[backends.ollama]\nbase_url = \"{}\"\n",
        upstream.url()
    ));
    let ran = home.run(&["embed", "one text", "another"]).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.code), ("0.1 -0.25\n1 0\n", "", 0));
    let request = upstream.request(0).await;
    assert_eq!(request.path, "/api/embed");
    assert_eq!(
        request.json(),
        json!({"model": "e", "input": ["one text", "another"], "truncate": false})
    );
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn json_names_the_space_that_the_vectors_lie_in() {
    let upstream = Upstream::start([ollama_vectors(&json!([[0.1, 0.2], [0.3, 0.4]]))]).await;
    let home = Home::with_ollama(&upstream.url());
    let arguments = ["embed", "--backend", "ollama", "--model", "e", "--format", "json"];
    let ran = home.run_with_stdin(&arguments, Some("a\nb\n")).await;
    assert_eq!(
        ran.stdout,
        "{\"backend\":\"ollama\",\"model\":\"e\",\"dimension\":2,\"embeddings\":[[0.1,0.2],[0.3,0.4]],\"input_tokens\":4}\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_texts_go_in_batches_and_keep_their_order() {
    // The server answers in the order that suits it.
    let batch = |from: usize, n: usize| {
        let items: Vec<Value> =
            (0..n).rev().map(|idx| json!({"index": idx, "embedding": [from + idx]})).collect();
        Exchange::json("200 OK", &json!({"data": items, "usage": {"prompt_tokens": n}}).to_string())
    };
    let upstream = Upstream::start([batch(0, 64), batch(64, 6)]).await;
    let home = Home::new(&format!(
        "[embeddings]\nbackend = \"work\"\nmodel = \"e\"\n[backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\n",
        upstream.url()
    ));
    let lines: String = (0..70).map(|n| format!("text {n}\n")).collect();
    let ran = home.run_with_stdin(&["embed"], Some(&lines)).await;
    let expected: String = (0..70).map(|n| format!("{n}\n")).collect();
    assert_eq!(ran.stdout, expected, "{ran:?}");
    assert_eq!(upstream.request(0).await.json()["input"].as_array().unwrap().len(), 64);
    assert_eq!(upstream.request(1).await.json()["input"][0], "text 64");
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_openai_chooses_it_and_brings_its_own_key() {
    let answer = json!({"data": [{"index": 0, "embedding": [1]}]}).to_string();
    let upstream = Upstream::start([Exchange::json("200 OK", &answer)]).await;
    let home = Home::new(&format!(
        "[embeddings.openai]\napi_key = \"$env:CANARY_KEY\"\nmodel = \"text-embedding-3-small\"\n\
         [backends.openai]\nbase_url = \"{}/v1\"\n",
        upstream.url()
    ));
    let ran = home.run(&["embed", "x"]).await;
    assert_eq!(ran.stdout, "1\n", "{ran:?}");
    let request = upstream.request(0).await;
    assert_eq!(request.path, "/v1/embeddings");
    assert_eq!(request.headers["authorization"], format!("Bearer {CANARY}"));
    assert_eq!(request.json()["model"], "text-embedding-3-small");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_pass_the_gate_as_prompts_do() {
    let home = Home::new(
        "[privacy]\ncloud = \"never\"\n[embeddings.openai]\napi_key = \"$env:CANARY_KEY\"\n",
    );
    let ran = home.run(&["embed", "x"]).await;
    assert!(ran.stderr.starts_with("Error: backend \"openai\" is a cloud service"), "{ran:?}");
    assert_eq!(ran.code, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_embedded_is_said_in_a_sentence() {
    let home = Home::new("");
    for (arguments, stdin, message, code) in [
        (vec!["embed", "x"], None, "local embeddings are not built in yet", 3),
        (
            vec!["embed", "x", "--backend", "anthropic"],
            None,
            "backend \"anthropic\" makes no embeddings",
            3,
        ),
        (vec!["embed", "x", "--backend", "groq"], None, "backend \"groq\" makes no embeddings", 3),
        (vec!["embed", "x", "--backend", "absent"], None, "unknown backend \"absent\"", 2),
        (vec!["embed", "x", " "], None, "text 2 is empty", 2),
        (vec!["embed"], Some("a\n\nb\n"), "line 2 of stdin is empty and has no vector", 2),
        (vec!["embed"], Some(""), "there is no text to embed", 2),
    ] {
        let ran = home.run_with_stdin(&arguments, stdin).await;
        assert_eq!(ran.stderr.lines().next(), Some(format!("Error: {message}").as_str()));
        assert!(ran.stderr.contains("\nHint: "), "{ran:?}");
        assert_eq!((ran.stdout.as_str(), ran.code), ("", code), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_number_of_vectors_is_an_error_and_no_result() {
    let upstream = Upstream::start([ollama_vectors(&json!([[1]]))]).await;
    let home = Home::with_ollama(&upstream.url());
    let ran = home.run(&["embed", "a", "b", "--backend", "ollama"]).await;
    assert!(ran.stderr.contains("1 vectors came for 2 texts"), "{ran:?}");
    assert_eq!((ran.stdout.as_str(), ran.code), ("", 5));
}
