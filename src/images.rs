//! Reads image files by what is in them, and makes images small enough for those who are to see them.
//!
//! Nothing is sent from here, and no file is read that the gate has not been asked about by the caller.

use std::io::{Cursor, Read as _};
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits as DecoderLimits};

use crate::model::{Image, ImageFormat};

/// Largest file that is read.
pub const MAX_FILE_BYTES: u64 = 32 << 20;
/// Most pixels of an image that is scaled down: it is unpacked in memory for that.
const MAX_PIXELS: u64 = 100_000_000;
/// Most memory that unpacking may take.
const MAX_UNPACKED_BYTES: u64 = 512 << 20;
/// Below this side nothing can be recognized any more.
const MIN_SIDE: u32 = 64;
/// Quality of pictures that are packed anew; text in screenshots stays legible.
const JPEG_QUALITY: u8 = 88;

/// Why an image cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The file could not be read.
    #[error("cannot read the image \"{name}\"")]
    Unreadable {
        /// The file.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// The file is too large to be sent to anybody.
    #[error("the image \"{name}\" is larger than {} MB", MAX_FILE_BYTES >> 20)]
    TooLarge {
        /// The file.
        name: String,
    },
    /// The content is none of the formats that models read.
    #[error("\"{name}\" is no PNG, JPEG, GIF or WebP image")]
    UnknownFormat {
        /// The file.
        name: String,
        /// What it looks like.
        looks_like: String,
    },
    /// The content begins like an image and is none.
    #[error("the image \"{name}\" is damaged")]
    Damaged {
        /// The file.
        name: String,
        /// What the decoder says.
        reason: String,
    },
    /// It cannot be made small enough.
    #[error("the image \"{name}\" cannot be made small enough")]
    CannotShrink {
        /// The file.
        name: String,
        /// Which limit.
        reason: String,
    },
}

impl ImageError {
    /// What is known of the cause.
    pub fn detail(&self) -> &str {
        match self {
            Self::Unreadable { reason, .. }
            | Self::Damaged { reason, .. }
            | Self::CannotShrink { reason, .. } => reason,
            Self::UnknownFormat { looks_like, .. } => looks_like,
            Self::TooLarge { .. } => "",
        }
    }
}

/// What somebody who sees images accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Most characters of an image in base64.
    pub base64_len: usize,
    /// Longest side in pixels.
    pub side: u32,
    /// Most pixels.
    pub pixels: u64,
    /// Formats that are read.
    pub formats: &'static [ImageFormat],
    /// Most images in one request.
    pub n_images: usize,
}

/// Reads a file. The format is told by its content.
pub fn read(path: &Path) -> Result<Image, ImageError> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| ImageError::Unreadable {
        name: name.clone(),
        reason: error.to_string(),
    };
    // A pipe or a device could go on for ever, and opening one may already wait.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let reason = "it is not a regular file".to_owned();
        return Err(ImageError::Unreadable { name, reason });
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    of_bytes(&name, bytes)
}

/// Takes bytes for an image; `name` is how it is called in errors.
pub fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Image, ImageError> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImageError::TooLarge { name: name.to_owned() });
    }
    let format = ImageFormat::of_content(&bytes).ok_or_else(|| ImageError::UnknownFormat {
        name: name.to_owned(),
        looks_like: looks_like(&bytes).to_owned(),
    })?;
    let (width, height) = ImageReader::with_format(Cursor::new(&bytes), decoder_of(format))
        .into_dimensions()
        .map_err(|error| damaged(name, &error))?;
    if width == 0 || height == 0 {
        let reason = "it has no pixels".to_owned();
        return Err(ImageError::Damaged { name: name.to_owned(), reason });
    }
    Ok(Image { format, width, height, data: bytes.into(), name: name.into() })
}

/// The image within limits: itself if it fits, else scaled down and packed anew. Takes a while.
pub fn fit(image: &Image, limits: &ImageLimits) -> Result<Image, ImageError> {
    let pixels = u64::from(image.width) * u64::from(image.height);
    let is_small = image.width.max(image.height) <= limits.side && pixels <= limits.pixels;
    if is_small && image.base64_len() <= limits.base64_len && limits.formats.contains(&image.format)
    {
        return Ok(image.clone());
    }
    let full = unpack(image)?;
    let mut scale = fitting_scale(&full, limits);
    loop {
        let scaled = scaled(&full, scale);
        if let Some(packed) = pack(image, &scaled, limits)? {
            return Ok(packed);
        }
        scale *= 0.75;
        let longest = f64::from(full.width().max(full.height())) * scale;
        if longest < f64::from(MIN_SIDE) {
            let kib = limits.base64_len >> 10;
            let reason = format!("the backend takes {kib} KiB in base64 for it");
            return Err(ImageError::CannotShrink { name: image.name.to_string(), reason });
        }
    }
}

/// The largest scale at which sides and pixels are within limits.
fn fitting_scale(full: &DynamicImage, limits: &ImageLimits) -> f64 {
    let (width, height) = (f64::from(full.width()), f64::from(full.height()));
    let by_side = f64::from(limits.side) / width.max(height);
    // Counts of pixels are far below the precision of the number.
    #[expect(clippy::cast_precision_loss, reason = "limits are below 2^52")]
    let by_pixels = (limits.pixels as f64 / (width * height)).sqrt();
    by_side.min(by_pixels).min(1.0)
}

fn scaled(full: &DynamicImage, scale: f64) -> DynamicImage {
    if scale >= 1.0 {
        return full.clone();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a side times a scale below one is a side"
    )]
    let side = |side: u32| ((f64::from(side) * scale) as u32).max(1);
    full.resize_exact(side(full.width()), side(full.height()), FilterType::CatmullRom)
}

/// The picture as PNG where it was not a photograph, else as JPEG; `None` if both are too large.
fn pack(
    original: &Image,
    picture: &DynamicImage,
    limits: &ImageLimits,
) -> Result<Option<Image>, ImageError> {
    let fail = |error: image::ImageError| ImageError::CannotShrink {
        name: original.name.to_string(),
        reason: error.to_string(),
    };
    let made = |format: ImageFormat, data: Vec<u8>| Image {
        format,
        width: picture.width(),
        height: picture.height(),
        data: data.into(),
        name: original.name.clone(),
    };
    if original.format != ImageFormat::Jpeg {
        let mut png = Vec::new();
        picture.write_to(&mut Cursor::new(&mut png), image::ImageFormat::Png).map_err(fail)?;
        let image = made(ImageFormat::Png, png);
        if image.base64_len() <= limits.base64_len {
            return Ok(Some(image));
        }
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode_image(&on_white(picture))
        .map_err(fail)?;
    let image = made(ImageFormat::Jpeg, jpeg);
    Ok((image.base64_len() <= limits.base64_len).then_some(image))
}

/// The picture without transparency, which JPEG lacks: a drawing on nothing is meant to be seen on paper.
fn on_white(picture: &DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.to_rgb8());
    }
    let rgba = picture.to_rgba8();
    let mut rgb = image::RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in rgb.pixels_mut().zip(rgba.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u16::from);
        let blend = |color: u16| {
            u8::try_from((color * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        to.0 = [blend(red), blend(green), blend(blue)];
    }
    DynamicImage::ImageRgb8(rgb)
}

fn unpack(image: &Image) -> Result<DynamicImage, ImageError> {
    let pixels = u64::from(image.width) * u64::from(image.height);
    if pixels > MAX_PIXELS {
        let reason = format!("it has {} million pixels", pixels / 1_000_000);
        return Err(ImageError::CannotShrink { name: image.name.to_string(), reason });
    }
    let fail = |error| damaged(&image.name, &error);
    let mut limits = DecoderLimits::default();
    limits.max_alloc = Some(MAX_UNPACKED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(&image.data), decoder_of(image.format));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(fail)?;
    // A camera notes how it was held; packed anew, the note would be lost and the picture lie on its side.
    let orientation = decoder.orientation().map_err(fail)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(fail)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn decoder_of(format: ImageFormat) -> image::ImageFormat {
    match format {
        ImageFormat::Png => image::ImageFormat::Png,
        ImageFormat::Jpeg => image::ImageFormat::Jpeg,
        ImageFormat::Gif => image::ImageFormat::Gif,
        ImageFormat::Webp => image::ImageFormat::WebP,
    }
}

fn damaged(name: &str, error: &image::ImageError) -> ImageError {
    ImageError::Damaged { name: name.to_owned(), reason: error.to_string() }
}

/// What content that is no image looks like, for people who picked the wrong file.
fn looks_like(bytes: &[u8]) -> &'static str {
    let head = &bytes[..bytes.len().min(512)];
    let starts = |start: &[u8]| head.starts_with(start);
    let is_text = std::str::from_utf8(head)
        .map_or_else(|error| error.error_len().is_none(), |_| true)
        && !head.contains(&0);
    match head {
        [] => "the file is empty",
        _ if starts(b"%PDF") => "it looks like a PDF document",
        _ if starts(b"BM") => "it looks like a BMP image",
        _ if starts(b"II*\0") || starts(b"MM\0*") => "it looks like a TIFF image",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => {
            "it looks like a HEIC or AVIF image, or a video"
        }
        _ if is_text && String::from_utf8_lossy(head).contains("<svg") => {
            "it looks like an SVG drawing"
        }
        _ if is_text => "it looks like text",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[ImageFormat] =
        &[ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::Webp];

    const WIDE: ImageLimits = ImageLimits {
        base64_len: 8 << 20,
        side: 8000,
        pixels: 100_000_000,
        formats: ALL,
        n_images: 10,
    };

    /// A picture without regularity, which no format packs well.
    fn noise(width: u32, height: u32) -> DynamicImage {
        let mut state = 1u32;
        DynamicImage::ImageRgba8(image::RgbaImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, _] = state.to_be_bytes();
            image::Rgba([a, b, c, 255])
        }))
    }

    fn packed(picture: &DynamicImage, format: image::ImageFormat) -> Image {
        let mut bytes = Vec::new();
        let picture = match format {
            image::ImageFormat::Jpeg => DynamicImage::ImageRgb8(picture.to_rgb8()),
            _ => picture.clone(),
        };
        picture.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        of_bytes("picture", bytes).unwrap()
    }

    #[test]
    fn all_four_formats_are_told_by_content_with_their_size() {
        for (packing, format) in [
            (image::ImageFormat::Png, ImageFormat::Png),
            (image::ImageFormat::Jpeg, ImageFormat::Jpeg),
            (image::ImageFormat::Gif, ImageFormat::Gif),
            (image::ImageFormat::WebP, ImageFormat::Webp),
        ] {
            let image = packed(&noise(31, 17), packing);
            assert_eq!((image.format, image.width, image.height), (format, 31, 17));
        }
    }

    #[test]
    fn an_image_within_limits_is_sent_as_it_is() {
        let image = packed(&noise(64, 64), image::ImageFormat::Png);
        assert_eq!(fit(&image, &WIDE).unwrap(), image);
    }

    #[test]
    fn a_side_that_is_too_long_is_scaled_and_the_proportions_stay() {
        let image = packed(&noise(400, 200), image::ImageFormat::Png);
        let small = fit(&image, &ImageLimits { side: 100, ..WIDE }).unwrap();
        assert_eq!((small.width, small.height, small.format), (100, 50, ImageFormat::Png));
        assert_eq!(of_bytes("small", small.data.to_vec()).unwrap().width, 100);
    }

    #[test]
    fn too_many_bytes_are_packed_as_jpeg_and_then_scaled() {
        let image = packed(&noise(512, 512), image::ImageFormat::Png);
        let limit = 300 << 10;
        assert!(image.base64_len() > limit);
        let small = fit(&image, &ImageLimits { base64_len: limit, ..WIDE }).unwrap();
        assert!(small.base64_len() <= limit);
        assert_eq!(small.format, ImageFormat::Jpeg);
        let tiny = fit(&image, &ImageLimits { base64_len: 60 << 10, ..WIDE }).unwrap();
        assert!(tiny.base64_len() <= 60 << 10 && tiny.width < 512, "{tiny:?}");
    }

    #[test]
    fn what_cannot_be_made_small_enough_is_said() {
        let image = packed(&noise(400, 400), image::ImageFormat::Png);
        let error = fit(&image, &ImageLimits { base64_len: 100, ..WIDE }).unwrap_err();
        assert_eq!(error.to_string(), "the image \"picture\" cannot be made small enough");
    }

    #[test]
    fn a_format_that_is_not_read_becomes_one_that_is() {
        let image = packed(&noise(20, 20), image::ImageFormat::WebP);
        let limits = ImageLimits { formats: &[ImageFormat::Png, ImageFormat::Jpeg], ..WIDE };
        let png = fit(&image, &limits).unwrap();
        assert_eq!((png.format, png.width, png.height), (ImageFormat::Png, 20, 20));
        assert_eq!(ImageFormat::of_content(&png.data), Some(ImageFormat::Png));
    }

    #[test]
    fn what_shines_through_becomes_white_and_not_black() {
        let clear = DynamicImage::ImageRgba8(image::RgbaImage::new(2, 2));
        assert_eq!(on_white(&clear).to_rgb8().get_pixel(0, 0).0, [255, 255, 255]);
    }

    #[test]
    fn other_files_are_refused_with_what_they_look_like() {
        let refuse = |bytes: &[u8]| {
            let error = of_bytes("x.png", bytes.to_vec()).unwrap_err();
            assert_eq!(error.to_string(), "\"x.png\" is no PNG, JPEG, GIF or WebP image");
            error.detail().to_owned()
        };
        assert_eq!(refuse(b""), "the file is empty");
        assert_eq!(refuse(b"%PDF-1.7"), "it looks like a PDF document");
        assert_eq!(refuse(b"<?xml version='1.0'?><svg/>"), "it looks like an SVG drawing");
        assert_eq!(refuse(b"fn main() {}"), "it looks like text");
        assert_eq!(refuse(b"\0\0\0\x20ftypheic"), "it looks like a HEIC or AVIF image, or a video");
        assert_eq!(refuse(b"\0\x01\x02\xff"), "");
    }

    #[test]
    fn a_head_without_a_picture_is_damaged() {
        let error = of_bytes("x", b"\x89PNG\r\n\x1a\n".to_vec()).unwrap_err();
        assert_eq!(error.to_string(), "the image \"x\" is damaged");
        let mut cut = packed(&noise(300, 300), image::ImageFormat::Png);
        cut.data = cut.data[..400].into();
        assert!(matches!(
            fit(&cut, &ImageLimits { side: 100, ..WIDE }),
            Err(ImageError::Damaged { .. })
        ));
    }

    #[test]
    fn a_small_file_of_gigantic_pixels_is_not_unpacked() {
        // Width and height of a PNG stand in its first chunk; the checksum follows them.
        let mut bytes = packed(&noise(1, 1), image::ImageFormat::Png).data.to_vec();
        bytes[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        let mut crc = u32::MAX;
        for byte in &bytes[12..29] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
        bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
        let image = of_bytes("bomb", bytes).unwrap();
        assert_eq!((image.width, image.height), (65_535, 65_535));
        assert!(matches!(fit(&image, &WIDE), Err(ImageError::CannotShrink { .. })));
    }

    #[test]
    fn files_that_are_no_regular_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(ImageError::Unreadable { .. })));
        assert!(matches!(read(&folder.path().join("absent")), Err(ImageError::Unreadable { .. })));
    }
}
