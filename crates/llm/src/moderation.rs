//! What a moderation endpoint says about texts: which of them it flags, and for what. Its words come
//! from a stranger, so that only short codes are taken over.

use serde_json::{Map, Value};

use crate::{DecodeError, OperationResponse};

/// Longest name of a category that is taken over, in bytes; a longer one is `other`.
const CATEGORY_BYTES_MAX: usize = 40;
/// Most categories of a text that are taken over.
const CATEGORIES_MAX: usize = 8;

/// A category for which a text was flagged.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// Its name, of small letters, digits and `-_/` alone, e.g. `harassment/threatening`.
    pub category: String,
    /// How sure the endpoint is, above 0 and at most 1; 1 if it does not say.
    pub score: f32,
}

impl OperationResponse {
    /// The flags of each text of a call for moderation; none for a text that is not flagged.
    ///
    /// # Errors
    /// If it does not say of each of the texts, in their number, whether it is flagged.
    pub fn flags(&self, texts: usize) -> Result<Vec<Vec<Flag>>, DecodeError> {
        let results = self.fields().get("results").and_then(Value::as_array);
        let results = results.filter(|results| results.len() == texts).ok_or(DecodeError)?;
        results.iter().map(flags_of).collect()
    }
}

fn flags_of(result: &Value) -> Result<Vec<Flag>, DecodeError> {
    let is_flagged = result.get("flagged").and_then(Value::as_bool).ok_or(DecodeError)?;
    if !is_flagged {
        return Ok(vec![]);
    }
    let scores = result.get("category_scores").and_then(Value::as_object);
    let categories = result.get("categories").and_then(Value::as_object);
    let named = categories.into_iter().flatten().filter(|(_, is)| is.as_bool() == Some(true));
    let flags = named.take(CATEGORIES_MAX).map(|(name, _)| flag(name, scores));
    let flags: Vec<Flag> = flags.collect();
    Ok(if flags.is_empty() { vec![flag("flagged", None)] } else { flags })
}

fn flag(name: &str, scores: Option<&Map<String, Value>>) -> Flag {
    let score = scores.and_then(|scores| scores.get(name)?.as_f64()).unwrap_or(1.0);
    // A flag with hardly a score is a flag.
    let score = (score.clamp(0.0, 1.0) as f32).max(0.01);
    let category = name.to_ascii_lowercase().replace(' ', "-");
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
    let fits = (1..=CATEGORY_BYTES_MAX).contains(&category.len()) && category.bytes().all(is_code);
    Flag { category: if fits { category } else { "other".to_owned() }, score }
}
