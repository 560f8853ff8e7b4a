//! Images, files and sound inside messages: `data:` URLs taken apart, other URLs kept.

use serde_json::Value;

use crate::{RequestError, opened::Opened};

/// Something other than text.
#[derive(Debug, PartialEq)]
pub(crate) struct Media<'a> {
    /// Which part it was, to be named when a server has no place for it.
    pub path: String,
    pub source: MediaSource<'a>,
    /// The file's name, if it has one.
    pub name: Option<&'a str>,
    /// A mark for the server's prompt cache, as Anthropic writes it.
    pub cache: Option<&'a Value>,
}

/// Where its bytes are.
#[derive(Debug, PartialEq)]
pub(crate) enum MediaSource<'a> {
    /// Here, as Base64.
    Inline { media_type: &'a str, base64: &'a str },
    /// To be fetched by the server. `is_image` tells what to expect.
    Url { url: &'a str, is_image: bool },
}

impl Media<'_> {
    /// The Base64 of an inline image.
    pub(crate) fn inline_image(&self) -> Option<&str> {
        match self.source {
            MediaSource::Inline { media_type, base64 } if media_type.starts_with("image/") => {
                Some(base64)
            }
            _ => None,
        }
    }
}

pub(super) fn image<'a>(part: &mut Opened<'a, '_>) -> Result<Media<'a>, RequestError> {
    let (path, url) = part.required_object("image_url", |image| {
        // How closely to look is for servers that can choose.
        image.overlook(&["detail"]);
        Ok((image.at("url"), image.required("url")?))
    })?;
    let source = match inline(url) {
        Some(inline) => inline,
        None if is_web(url) => MediaSource::Url { url, is_image: true },
        None => return Err(no_source(path)),
    };
    Ok(Media { path, source, name: None, cache: part.take("cache_control") })
}

/// `file_data` is OpenAI's; `file_url` is how its Responses interface names a document on the web.
pub(super) fn file<'a>(part: &mut Opened<'a, '_>) -> Result<Media<'a>, RequestError> {
    let (path, source, name) = part.required_object("file", |file| {
        let (path, source) = match (file.text("file_data")?, file.text("file_url")?) {
            (Some(data), None) => (file.at("file_data"), inline(data)),
            (None, Some(url)) => {
                let source = MediaSource::Url { url, is_image: false };
                (file.at("file_url"), Some(source).filter(|_| is_web(url)))
            }
            (Some(_), Some(_)) => return Err(file.refused("file_url")),
            (None, None) if file.take("file_id").is_some() => return Err(file.refused("file_id")),
            (None, None) => return Err(RequestError::missing(file.at("file_data"))),
        };
        Ok((path, source, file.text("filename")?))
    })?;
    let Some(source) = source else { return Err(no_source(path)) };
    Ok(Media { path, source, name, cache: part.take("cache_control") })
}

pub(super) fn audio<'a>(part: &mut Opened<'a, '_>) -> Result<Media<'a>, RequestError> {
    let path = part.at("input_audio");
    let (base64, media_type) = part.required_object("input_audio", |audio| {
        let base64 = audio.required("data")?;
        match audio.required("format")? {
            "wav" => Ok((base64, "audio/wav")),
            "mp3" => Ok((base64, "audio/mpeg")),
            _ => Err(RequestError::invalid_value(audio.at("format"), "must be wav or mp3")),
        }
    })?;
    let source = MediaSource::Inline { media_type, base64 };
    Ok(Media { path, source, name: None, cache: part.take("cache_control") })
}

/// Takes a `data:` URL (RFC 2397) apart; only Base64 is understood.
fn inline(url: &str) -> Option<MediaSource<'_>> {
    let (kind, base64) = url.strip_prefix("data:")?.split_once(',')?;
    let kind = kind.strip_suffix(";base64")?;
    let media_type = kind.split_once(';').map_or(kind, |(media_type, _)| media_type);
    (!media_type.is_empty()).then_some(MediaSource::Inline { media_type, base64 })
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn no_source(at: String) -> RequestError {
    RequestError::invalid_value(at, "must be a data: URL in Base64 or a web address on this route")
}
