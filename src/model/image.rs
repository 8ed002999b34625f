//! Images in a message: what they are by their content, and their bytes as text for the wire.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;

/// The formats that models read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF; of a moving one models see the first picture.
    Gif,
    /// WebP.
    Webp,
}

impl ImageFormat {
    /// The format by the first bytes of a file; names are not trusted.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// The media type, as in `image/png`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// An image in a message. Cheap to clone; `Debug` does not show the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// The format of `data`.
    pub format: ImageFormat,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The file's bytes.
    pub data: Arc<[u8]>,
    /// How it is called in messages to the user: the file's name as given.
    pub name: Arc<str>,
}

impl Image {
    /// The media type, as in `image/png`.
    pub fn media_type(&self) -> &'static str {
        self.format.media_type()
    }

    /// The bytes in base64, with padding and without line breaks.
    pub fn base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.data)
    }

    /// Length of [`Image::base64`].
    pub fn base64_len(&self) -> usize {
        self.data.len().div_ceil(3).saturating_mul(4)
    }

    /// The image as a `data:` URL.
    pub fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.media_type(), self.base64())
    }

    /// Rough size in tokens: providers count about one for 750 pixels, and scale large images down first.
    pub fn estimated_tokens(&self) -> usize {
        let pixels = u64::from(self.width) * u64::from(self.height);
        usize::try_from(pixels / 750).unwrap_or(usize::MAX).clamp(85, 1600)
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, width, height, data, .. } = self;
        write!(f, "Image({format:?}, {width}x{height}, {} bytes)", data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(data: &[u8]) -> Image {
        Image {
            format: ImageFormat::Png,
            width: 1000,
            height: 600,
            data: data.into(),
            name: "a.png".into(),
        }
    }

    #[test]
    fn the_format_is_told_by_the_first_bytes() {
        let of = ImageFormat::of_content;
        assert_eq!(of(b"\x89PNG\r\n\x1a\n..."), Some(ImageFormat::Png));
        assert_eq!(of(b"\xff\xd8\xff\xe0"), Some(ImageFormat::Jpeg));
        assert_eq!(of(b"GIF89a"), Some(ImageFormat::Gif));
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8 "), Some(ImageFormat::Webp));
        assert_eq!(of(b"RIFF\x10\0\0\0WAVE"), None);
        assert_eq!(of(b"<svg xmlns="), None);
        assert_eq!(of(b""), None);
    }

    #[test]
    fn base64_has_the_length_that_is_foretold() {
        for n in 0..8 {
            let image = image(&vec![0xfb; n]);
            assert_eq!(image.base64().len(), image.base64_len());
        }
        assert_eq!(image(b"\xfb\xff").data_url(), "data:image/png;base64,+/8=");
    }

    #[test]
    fn debug_output_does_not_show_the_picture() {
        assert_eq!(format!("{:?}", image(b"secret")), "Image(Png, 1000x600, 6 bytes)");
    }
}
