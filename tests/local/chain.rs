//! The local engine as a backend among others.

use serde_json::Value;

use crate::home::{Home, model_bytes};

#[test]
fn it_answers_last_when_nobody_else_does_and_the_answer_says_so() {
    let home = Home::new("");
    let text = std::fs::read_to_string(home.path("config/arawn/arawn.toml")).unwrap();
    let text = text.replace("backend = \"local\"", "backend = \"ollama\"");
    let text = format!("{text}[backends.ollama]\nbase_url = \"http://127.0.0.1:9\"\n");
    home.write("config/arawn/arawn.toml", text);
    let (out, err, code) = home.run(&["ask", "who?", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&answer["backend"], &answer["model"]), (&"local".into(), &"tiny".into()));
    assert_eq!(answer["fell_back"][0]["backend"], "ollama");
    let (_, err, code) = home.run(&["--no-fallback", "ask", "who?"]);
    assert_eq!(code, 5, "{err}");
}

#[test]
fn it_stays_out_of_the_chain_where_the_user_wants_that() {
    let home = Home::new("fallback = false");
    let text = std::fs::read_to_string(home.path("config/arawn/arawn.toml")).unwrap();
    let text = text.replace("backend = \"local\"", "backend = \"ollama\"");
    let text = format!("{text}[backends.ollama]\nbase_url = \"http://127.0.0.1:9\"\n");
    home.write("config/arawn/arawn.toml", text);
    assert_eq!(home.run(&["ask", "who?"]).2, 5);
    assert_eq!(home.run(&["--backend", "local", "ask", "who?"]).2, 0);
}

#[test]
fn listing_models_starts_nothing() {
    let home = Home::new("");
    let head = [("general.architecture", "llama"), ("tokenizer.chat_template", "{{ tools }}")];
    home.write("models/tiny.gguf", model_bytes(&head));
    let (out, err, code) = home.run(&["--backend", "local", "models", "--json"]);
    assert_eq!(code, 0, "{err}");
    let model: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&model["id"], &model["tools"]), (&"tiny".into(), &true.into()));
    assert!(home.noted("starts").is_empty());
}

#[test]
fn vectors_come_from_an_engine_of_their_own() {
    let home = Home::new("");
    let (out, err, code) = home.run(&["--backend", "local", "--model", "tiny", "embed", "text"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains('1'), "{out}");
    let start = home.noted("starts").remove(0);
    assert!(start["argv"].to_string().contains("--embeddings"), "{start}");
}

#[test]
fn a_project_cannot_name_the_engine() {
    let home = Home::new("");
    home.write("work/.arawn/arawn.toml", "[local]\nengine = \"./evil\"\nargs = [\"--x\"]\n");
    home.write("work/evil", "#!/bin/sh\nexit 1\n");
    let (_, err, code) = home.run(&["ask", "who?"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("local.engine") && err.contains("local.args"), "{err}");
}

#[test]
fn a_model_that_was_not_set_up_is_named_with_those_that_were() {
    let home = Home::new("");
    let (_, err, code) = home.run(&["--model", "other", "ask", "who?"]);
    assert_eq!(code, 3);
    assert!(
        err.contains("model \"other\" is not set up") && err.contains("there is tiny"),
        "{err}"
    );
}

#[test]
fn without_a_setup_the_next_step_is_named() {
    let home = Home::empty();
    home.write("config/arawn/arawn.toml", "[llm]\nbackend = \"local\"\n");
    let (_, err, code) = home.run(&["ask", "who?"]);
    assert_eq!(code, 3);
    assert!(err.contains("run `arawn local setup`"), "{err}");
}

#[test]
fn a_model_whose_file_has_the_tokens_fills_in_the_middle() {
    let home = Home::new("");
    let head = [
        ("general.architecture", "qwen2"),
        ("tokenizer.ggml.fim_pre_token_id", "1"),
        ("tokenizer.ggml.fim_suf_token_id", "3"),
        ("tokenizer.ggml.fim_mid_token_id", "2"),
    ];
    home.write("models/tiny.gguf", model_bytes(&head));
    home.write("work/a.rs", "fn f() {\n    let x = \n}\n");
    let (out, err, code) = home.run(&["run", "complete", "a.rs:2:13", "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["edits"][0]["new_text"], "1 + 2;");
    let request = home.noted("requests").remove(0);
    assert_eq!(request["path"], "/infill");
    assert_eq!(request["body"]["input_prefix"], "fn f() {\n    let x = ");
    assert_eq!(request["body"]["input_suffix"], "\n}\n");
    let (models, _, _) = home.run(&["--backend", "local", "models", "--json"]);
    let model: Value = serde_json::from_str(&models).unwrap();
    assert_eq!(model["fim"], true);
}
