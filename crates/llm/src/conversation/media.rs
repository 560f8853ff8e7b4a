//! Images, files and sound inside messages: `data:` URLs taken apart, other URLs kept.

use serde_json::Value;

use super::required_text;
use crate::{Dialect, RequestError};

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

pub(super) fn image<'a>(
    part: &'a Value,
    at: &str,
    dialect: Dialect,
) -> Result<Media<'a>, RequestError> {
    let at = format!("{at}.image_url.url");
    let url = required_text(part.pointer("/image_url/url"), || at.clone())?;
    let source = match inline(url) {
        Some(inline) => inline,
        None if is_web(url) => MediaSource::Url { url, is_image: true },
        None => return Err(no_source(at, dialect)),
    };
    Ok(Media { path: at, source, name: None, cache: part.get("cache_control") })
}

/// `file_data` is OpenAI's; `file_url` is how its Responses interface names a document on the web.
pub(super) fn file<'a>(
    part: &'a Value,
    at: &str,
    dialect: Dialect,
) -> Result<Media<'a>, RequestError> {
    let read = |name: &str| part.pointer(&format!("/file/{name}")).and_then(Value::as_str);
    if part.pointer("/file/file_id").is_some_and(|id| !id.is_null()) {
        return Err(dialect.refuse(format!("{at}.file.file_id")));
    }
    let (path, source) = match (read("file_data"), read("file_url")) {
        (Some(data), _) => (format!("{at}.file.file_data"), inline(data)),
        (None, Some(url)) => {
            let source = MediaSource::Url { url, is_image: false };
            (format!("{at}.file.file_url"), Some(source).filter(|_| is_web(url)))
        }
        (None, None) => return Err(RequestError::missing(format!("{at}.file.file_data"))),
    };
    let Some(source) = source else { return Err(no_source(path, dialect)) };
    Ok(Media { path, source, name: read("filename"), cache: part.get("cache_control") })
}

pub(super) fn audio<'a>(part: &'a Value, at: &str) -> Result<Media<'a>, RequestError> {
    let path = format!("{at}.input_audio");
    let base64 = required_text(part.pointer("/input_audio/data"), || format!("{path}.data"))?;
    let format = required_text(part.pointer("/input_audio/format"), || format!("{path}.format"))?;
    let media_type = match format {
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        _ => {
            let at = format!("{path}.format");
            return Err(RequestError::invalid_value(at, "must be wav or mp3"));
        }
    };
    let source = MediaSource::Inline { media_type, base64 };
    Ok(Media { path, source, name: None, cache: None })
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

fn no_source(at: String, dialect: Dialect) -> RequestError {
    let code = dialect.code();
    let message = format!("must be a data: URL in Base64 or a web address on this route ({code})");
    RequestError::invalid_value(at, &message)
}
