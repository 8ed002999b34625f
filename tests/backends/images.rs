//! Images in requests: what each provider is sent.

use std::io::Cursor;

use arawn::backends::Backends;
use arawn::config::{Dialect, Provider};
use arawn::images;
use arawn::model::{Event, Image, Message, Request};
use image::{DynamicImage, ImageFormat};

use crate::setup::{self, call, events};
use crate::upstream::{Exchange, Upstream};

/// A picture without regularity, which no format packs well.
fn noise(side: u32, format: ImageFormat) -> Image {
    let mut state = 1u32;
    let picture = DynamicImage::ImageRgb8(image::RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        image::Rgb([a, b, c])
    }));
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    images::of_bytes("noise", bytes).unwrap()
}

fn asking(images: Vec<Image>) -> Request {
    Request { messages: vec![Message { images, ..Message::user("look") }], ..Request::default() }
}

#[tokio::test]
async fn groq_gets_images_that_fit_its_limit() {
    let upstream = Upstream::start([Exchange::openai_text(&["ok"])]).await;
    let backend =
        setup::backend("groq", Dialect::Openai, Provider::Groq, &format!("{}/v1", upstream.url()));
    let large = noise(1300, ImageFormat::Png);
    assert!(large.base64_len() > 4 << 20);
    events(&Backends::new(), call(backend, asking(vec![large]))).await;
    let request = upstream.request(0).await;
    assert!(request.body.len() < 4 << 20, "{} bytes", request.body.len());
    let url = request.json()["messages"][0]["content"][0]["image_url"]["url"].to_string();
    assert!(url.starts_with("\"data:image/jpeg;base64,"));
    upstream.finish();
}

#[tokio::test]
async fn more_images_than_a_provider_takes_are_named_and_not_sent() {
    let upstream = Upstream::start([]).await;
    let backend =
        setup::backend("groq", Dialect::Openai, Provider::Groq, &format!("{}/v1", upstream.url()));
    let image = noise(2, ImageFormat::Png);
    let seen = events(&Backends::new(), call(backend, asking(vec![image; 6]))).await;
    let Some(Event::Failed(error)) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(error.class.as_str(), "unsupported");
    assert_eq!(error.message, "Groq takes at most 5 images at a time, and there are 6");
    upstream.finish();
}

#[tokio::test]
async fn anthropic_gets_blocks_in_base64_before_the_question() {
    let upstream = Upstream::start([Exchange::anthropic_text(&["ok"])]).await;
    let image = noise(8, ImageFormat::WebP);
    let backend = setup::anthropic("anthropic", &upstream);
    events(&Backends::new(), call(backend, asking(vec![image.clone()]))).await;
    let content = upstream.request(0).await.json()["messages"][0]["content"].clone();
    assert_eq!(content[0]["type"], "image");
    assert_eq!(content[0]["source"]["type"], "base64");
    assert_eq!(content[0]["source"]["media_type"], "image/webp");
    assert_eq!(content[0]["source"]["data"], image.base64());
    assert_eq!(content[1]["text"], "look");
}

#[tokio::test]
async fn a_blind_model_of_anthropic_is_named_by_what_its_list_tells() {
    let upstream = Upstream::start([]).await;
    upstream.route(
        "/v1/models/m",
        "200 OK",
        r#"{"id":"m","capabilities":{"image_input":{"supported":false}}}"#,
    );
    let image = noise(8, ImageFormat::Png);
    let backend = setup::anthropic("anthropic", &upstream);
    let seen = events(&Backends::new(), call(backend, asking(vec![image]))).await;
    let Some(Event::Failed(error)) = seen.last() else { panic!("{seen:?}") };
    assert_eq!(error.message, "model \"m\" cannot see images");
    upstream.finish();
}

#[tokio::test]
async fn a_local_server_gets_no_format_that_it_may_not_read() {
    let upstream = Upstream::start([Exchange::openai_text(&["ok"])]).await;
    let image = noise(8, ImageFormat::WebP);
    events(&Backends::new(), call(setup::openai("b", &upstream), asking(vec![image]))).await;
    let url = upstream.request(0).await.json()["messages"][0]["content"][0]["image_url"]["url"]
        .to_string();
    assert!(url.starts_with("\"data:image/png;base64,"), "{url}");
}
