//! What images each provider accepts, and who does not see at all.

use super::ModelInfo;
use super::fault::Fault;
use crate::config::{BackendSettings, Dialect, Provider};
use crate::images::{self, ImageLimits};
use crate::model::{ErrorClass, ImageFormat, Request};

/// What the four cloud services read.
const ALL: &[ImageFormat] =
    &[ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::Webp];
/// What every local server reads; llama.cpp knows no WebP, Ollama no GIF.
const COMMON: &[ImageFormat] = &[ImageFormat::Png, ImageFormat::Jpeg];

/// The request with images that the backend accepts; a fault if the model is known not to see.
pub(super) async fn prepared(
    request: Request,
    backend: &BackendSettings,
    model: &str,
    info: Option<&ModelInfo>,
) -> Result<Request, Fault> {
    let n_images = request.images().count();
    if n_images == 0 {
        return Ok(request);
    }
    if let Some(info) = info
        && info.can("vision") == Some(false)
    {
        let message = format!("model \"{model}\" cannot see images");
        return Err(Fault::new(ErrorClass::Unsupported, message));
    }
    let limits = limits(backend, n_images);
    if n_images > limits.n_images {
        let message = format!(
            "{} takes at most {} images at a time, and there are {n_images}",
            backend.provider_text(),
            limits.n_images
        );
        return Err(Fault::new(ErrorClass::Unsupported, message));
    }
    // Unpacking and scaling takes the time of many events.
    let fitted = tokio::task::spawn_blocking(move || fitted(request, &limits)).await;
    fitted.map_err(|error| Fault::new(ErrorClass::Unsupported, error.to_string()))?
}

fn fitted(mut request: Request, limits: &ImageLimits) -> Result<Request, Fault> {
    for image in request.messages.iter_mut().flat_map(|message| &mut message.images) {
        *image = images::fit(image, limits).map_err(|error| {
            let detail = error.detail();
            let gap = if detail.is_empty() { "" } else { ": " };
            Fault::new(ErrorClass::Unsupported, format!("{error}{gap}{detail}"))
        })?;
    }
    Ok(request)
}

/// The limits that the providers document, a little below where they count something else too.
fn limits(backend: &BackendSettings, n_images: usize) -> ImageLimits {
    const MEGA: usize = 1 << 20;
    match (backend.provider, backend.dialect) {
        (Provider::Groq, _) => ImageLimits {
            // Four megabytes for the whole request.
            base64_len: (4 * MEGA - MEGA / 2) / n_images,
            side: 8000,
            pixels: 33_000_000,
            formats: ALL,
            n_images: 5,
        },
        (Provider::Anthropic, _) | (_, Dialect::Anthropic) => ImageLimits {
            base64_len: (5 * MEGA).min(28 * MEGA / n_images),
            side: if n_images > 20 { 2000 } else { 8000 },
            pixels: 64_000_000,
            formats: ALL,
            n_images: 100,
        },
        (Provider::OpenAi, _) => ImageLimits {
            base64_len: (20 * MEGA).min(45 * MEGA / n_images),
            side: 16_000,
            pixels: 64_000_000,
            formats: ALL,
            n_images: 500,
        },
        (Provider::Ollama | Provider::Other, _) => ImageLimits {
            base64_len: 64 * MEGA,
            side: 8000,
            pixels: 64_000_000,
            formats: COMMON,
            n_images: 500,
        },
    }
}
