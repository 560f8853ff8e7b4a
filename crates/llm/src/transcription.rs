//! The fields of a form to `/v1/audio/transcriptions` and `/v1/audio/translations`. The form itself
//! (RFC 7578) is taken apart and put together again by whoever has the bytes; here is what the fields
//! beside the file may be. <https://platform.openai.com/docs/api-reference/audio>

use serde_json::{Map, Value};

use crate::request::MODEL_CHARS_MAX;
use crate::{Dialect, Extension, RequestError, dialect::Wire};

/// Most fields beside the file; beyond: refused.
pub const FIELDS_MAX: usize = 32;
/// Longest value of a field, in bytes; beyond: refused.
pub const VALUE_BYTES_MAX: usize = 16 * 1_024;

/// Which interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpeechTask {
    /// Written down in the language that is spoken.
    Transcription,
    /// Written down in English.
    Translation,
}

impl SpeechTask {
    /// The path, the same for callers below `/v1/` and for servers below their base URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Transcription => "audio/transcriptions",
            Self::Translation => "audio/translations",
        }
    }

    /// Fields that only a transcription has.
    fn has(self, field: &str) -> bool {
        self == Self::Transcription
            || !matches!(
                field,
                "language"
                    | "timestamp_granularities[]"
                    | "stream"
                    | "include[]"
                    | "chunking_strategy"
            )
    }
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TranscriptFormat {
    /// A JSON object; also with times or speakers.
    #[default]
    Json,
    /// Plain text, also as subtitles.
    Text,
}

/// The fields of one form, in order, checked one by one as they come.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscriptionForm {
    task: SpeechTask,
    fields: Vec<(String, String)>,
    extension: Option<Extension>,
    has_file: bool,
}

impl TranscriptionForm {
    /// An empty form.
    #[must_use]
    pub fn new(task: SpeechTask) -> Self {
        Self { task, fields: Vec::new(), extension: None, has_file: false }
    }

    /// Takes note of the field `file`, whose bytes go their own way.
    ///
    /// # Errors
    /// If it comes a second time.
    pub fn add_file(&mut self) -> Result<(), RequestError> {
        if std::mem::replace(&mut self.has_file, true) {
            return Err(RequestError::invalid_value("file", "must not be given twice"));
        }
        Ok(())
    }

    /// Adds any other field. `fachwerk` is the object of our own, as JSON.
    ///
    /// # Errors
    /// What is wrong with it, by name.
    pub fn add(&mut self, name: &str, value: String) -> Result<(), RequestError> {
        if self.fields.len() >= FIELDS_MAX {
            return Err(RequestError::too_many("form", FIELDS_MAX));
        }
        if value.len() > VALUE_BYTES_MAX {
            let message = format!("must have at most {VALUE_BYTES_MAX} bytes");
            return Err(RequestError::invalid_value(bounded(name), &message));
        }
        let is_list = name.ends_with("[]");
        if !is_list && self.field(name).is_some() {
            return Err(RequestError::invalid_value(bounded(name), "must not be given twice"));
        }
        if !self.task.has(name) {
            let message = "is only for transcriptions";
            return Err(RequestError::unsupported(bounded(name), message));
        }
        let is_right = match name {
            "fachwerk" => {
                let json = serde_json::from_str(&value).map_err(|_| {
                    RequestError::invalid_value("fachwerk", "must be a JSON object as text")
                })?;
                self.extension = Some(Extension::from_value(json)?);
                return Ok(());
            }
            "model" => !value.is_empty() && value.chars().nth(MODEL_CHARS_MAX).is_none(),
            "temperature" => value.parse::<f64>().is_ok_and(|number| (0.0..=1.0).contains(&number)),
            "stream" => matches!(value.as_str(), "true" | "false"),
            "response_format" => format(&value).is_some(),
            "timestamp_granularities[]" => matches!(value.as_str(), "word" | "segment"),
            "language" => {
                value.len() <= 16 && value.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
            }
            _ => true,
        };
        if !is_right {
            return Err(RequestError::invalid_value(name, "has a value that is not allowed"));
        }
        self.fields.push((name.to_owned(), value));
        Ok(())
    }

    /// Ends the form.
    ///
    /// # Errors
    /// If the file or the model is missing, or fields contradict each other.
    pub fn finish(self) -> Result<Self, RequestError> {
        if !self.has_file {
            return Err(RequestError::missing("file"));
        }
        if self.field("model").is_none() {
            return Err(RequestError::missing("model"));
        }
        let wants_times = self.field("timestamp_granularities[]").is_some();
        if wants_times && self.field("response_format") != Some("verbose_json") {
            let message = "needs response_format verbose_json";
            return Err(RequestError::invalid_value("timestamp_granularities[]", message));
        }
        Ok(self)
    }

    /// Which interface.
    #[must_use]
    pub fn task(&self) -> SpeechTask {
        self.task
    }

    /// The model the caller names; empty before [`TranscriptionForm::finish`] said that it is there.
    #[must_use]
    pub fn model(&self) -> &str {
        self.field("model").unwrap_or_default()
    }

    /// What the caller wants the model to know beforehand.
    #[must_use]
    pub fn prompt(&self) -> Option<&str> {
        self.field("prompt")
    }

    /// Every text that goes to the server beside the recording.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = self.fields.iter().filter(|(name, _)| name != "model");
        texts.map(|(_, value)| value.as_str())
    }

    /// Whether the caller wants the answer in pieces.
    #[must_use]
    pub fn stream(&self) -> bool {
        self.field("stream") == Some("true")
    }

    /// How the answer is written.
    #[must_use]
    pub fn format(&self) -> TranscriptFormat {
        self.field("response_format").and_then(format).unwrap_or_default()
    }

    /// The path below a server's base URL.
    ///
    /// # Errors
    /// `model` if the server does not speak OpenAI.
    pub fn upstream_path(&self, dialect: Dialect) -> Result<&'static str, RequestError> {
        match dialect.wire() {
            Wire::OpenAi(_) => Ok(self.task.path()),
            _ => Err(dialect.cannot(self.task.path())),
        }
    }

    /// What is asked of Fachwerk itself.
    #[must_use]
    pub fn extension(&self) -> Option<&Extension> {
        self.extension.as_ref()
    }

    /// The fields beside the file for a server that speaks OpenAI, with its own name for the model.
    pub fn upstream_fields<'a>(
        &'a self,
        upstream_model: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.fields.iter().map(move |(name, value)| {
            let value = if name == "model" { upstream_model } else { value };
            (name.as_str(), value)
        })
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// Replaces the text of a transcript. Words and segments with their times repeat what it said.
pub(crate) fn replace_text(fields: &mut Map<String, Value>, text: &str) {
    fields.insert("text".to_owned(), text.into());
    for name in ["words", "segments", "logprobs"] {
        fields.remove(name);
    }
}

/// The length of a recording in an answer, in milliseconds: `duration`, which verbose answers have, or
/// the seconds that were paid for. As numbers, or as text in older servers.
pub(crate) fn audio_ms(answer: &Map<String, Value>) -> Option<u64> {
    let paid = answer.get("usage").and_then(|usage| usage.get("seconds"));
    let said = paid.or_else(|| answer.get("duration"))?;
    let seconds = said.as_f64().or_else(|| said.as_str()?.trim().parse().ok())?;
    // Casts saturate; what is no length is none.
    seconds.is_finite().then(|| (seconds.max(0.0) * 1_000.0).ceil() as u64)
}

fn format(name: &str) -> Option<TranscriptFormat> {
    match name {
        "json" | "verbose_json" | "diarized_json" => Some(TranscriptFormat::Json),
        "text" | "srt" | "vtt" => Some(TranscriptFormat::Text),
        _ => None,
    }
}

/// A name out of a form, fit for an error text.
fn bounded(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}
