//! Speech to be written down, and the form (RFC 7578) in which it goes to a server.

mod length;

use bytes::Bytes;
use http::HeaderValue;
use llm::{Dialect, RequestError, transcription::TranscriptionForm};

use crate::attempt::Prepared;
pub(crate) use length::AudioLength;

/// A file with speech, kept in the pieces in which it came: it is never copied, however many routes
/// are tried.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The file's name, by which servers tell the format.
    pub name: String,
    /// What the caller says it is.
    pub content_type: Option<String>,
    /// The bytes.
    pub pieces: Vec<Bytes>,
}

/// What is asked about a recording.
#[derive(Debug, Clone)]
pub struct TranscriptionRequest {
    /// The fields beside the file, after [`TranscriptionForm::finish`].
    pub form: TranscriptionForm,
    /// The file.
    pub recording: Recording,
}

impl TranscriptionRequest {
    /// Every text that goes out, the file's name too.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        self.form.texts().chain([self.recording.name.as_str()]).collect()
    }

    /// How long the recording lasts.
    pub(crate) fn length(&self) -> AudioLength {
        AudioLength::of(&self.recording.pieces)
    }

    /// The call to a server.
    pub(crate) fn call(
        &self,
        dialect: Dialect,
        upstream_model: &str,
    ) -> Result<Prepared, RequestError> {
        let path = self.form.upstream_path(dialect)?;
        let boundary = format!("fachwerk-{:032x}", rand::random::<u128>());
        let mut head = String::new();
        for (name, value) in self.form.upstream_fields(upstream_model) {
            let name = quoted(name);
            head += &format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        let Recording { name, content_type, pieces } = &self.recording;
        let (name, kind) = (quoted(name), content_type.as_deref());
        let kind = kind.unwrap_or("application/octet-stream");
        head += &format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let mut body = Vec::with_capacity(pieces.len() + 2);
        body.push(Bytes::from(head));
        body.extend_from_slice(pieces);
        body.push(Bytes::from(tail));
        let kind = format!("multipart/form-data; boundary={boundary}");
        let kind = HeaderValue::try_from(kind).expect("a boundary of letters and digits");
        Ok(Prepared::form(path, kind, body))
    }
}

/// A name between quotation marks, escaped as browsers do it.
/// <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
