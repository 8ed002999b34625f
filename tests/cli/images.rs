//! `arawn ask --image`.

use base64::Engine as _;

use crate::home::Home;
use crate::upstream::{Exchange, Upstream};

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub(crate) fn png() -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(PNG).unwrap()
}

fn sees(upstream: &Upstream) {
    let body =
        r#"{"capabilities":["completion","vision"],"model_info":{"llama.context_length":8192}}"#;
    upstream.route("/api/show", "200 OK", body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_told_by_its_content_and_sent_with_the_question() {
    let upstream = Upstream::start([Exchange::ollama_text(&["red"])]).await;
    sees(&upstream);
    let home = Home::with_ollama(&upstream.url());
    home.write("work/picture.txt", png());
    let ran = home.run(&["ask", "--image", "picture.txt", "which", "color?"]).await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.code), ("red\n", "", 0));
    let message = upstream.request(0).await.json()["messages"][0].clone();
    assert_eq!(message["content"], "which color?");
    assert_eq!(message["images"], serde_json::json!([PNG]));
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_images_go_as_data_urls_before_the_text() {
    let upstream = Upstream::start([Exchange::openai_text(&["two"])]).await;
    let home = Home::new(&format!(
        "[llm]\nbackend = \"work\"\n[backends.work]\ndialect = \"openai\"\nbase_url = \"{}/v1\"\nmodel = \"w\"\n",
        upstream.url()
    ));
    home.write("work/a.png", png());
    let ran = home.run(&["ask", "--image", "a.png", "--image", "a.png"]).await;
    assert_eq!(ran.stdout, "two\n", "{ran:?}");
    let content = upstream.request(0).await.json()["messages"][0]["content"].clone();
    assert_eq!(content[0]["image_url"]["url"], format!("data:image/png;base64,{PNG}"));
    assert_eq!(content[1]["type"], "image_url");
    assert_eq!(content[2]["text"], "Describe these images.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_see_is_named_before_anything_is_sent() {
    let upstream = Upstream::start([]).await;
    let home = Home::with_ollama(&upstream.url());
    home.write("work/a.png", png());
    let ran = home.run(&["ask", "--image", "a.png", "what is this?"]).await;
    assert!(ran.stderr.contains("Cause: model \"m\" cannot see images"), "{ran:?}");
    assert_eq!(ran.code, 5);
    assert!(upstream.requests().is_empty());
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_and_ignored_images_never_leave() {
    let upstream = Upstream::start([]).await;
    sees(&upstream);
    let home = Home::with_ollama(&upstream.url());
    home.write("work/.arawnignore", "private/\n");
    home.write("work/private/plan.png", png());
    home.write("work/id_rsa", png());
    for file in ["private/plan.png", "id_rsa"] {
        let ran = home.run(&["ask", "--image", file, "x"]).await;
        assert_eq!(ran.code, 6, "{ran:?}");
        assert!(ran.stderr.contains("never leaves this machine"), "{ran:?}");
    }
    upstream.finish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_image_is_refused_with_what_it_is() {
    let home = Home::with_ollama("http://127.0.0.1:9");
    home.write("work/a.png", "fn main() {}\n");
    let ran = home.run(&["ask", "--image", "a.png", "x"]).await;
    assert_eq!(
        ran.stderr,
        "Error: \"a.png\" is no PNG, JPEG, GIF or WebP image\nCause: it looks like text\n\
         Hint: convert it to PNG or JPEG first\n"
    );
    assert_eq!(ran.code, 2);
}
