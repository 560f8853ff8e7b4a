//! What a file says about itself, for whoever decides whether to run it, and how fast it runs.

use std::time::{Duration, Instant};

use super::{
    Asked, LoadError, LocalModel, Sampling,
    gguf::{Gguf, Value},
};

/// What a head says, whether or not the model can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The model's own name; empty if it has none.
    pub name: String,
    /// The family, e.g. `llama`; empty if it is not named.
    pub architecture: String,
    /// How many weights there are.
    pub parameters: u64,
    /// The type that most weights have, e.g. `Q4_K`.
    pub quantisation: String,
    /// The longest context it was made for, in tokens.
    pub context: Option<u64>,
    /// The kind of vocabulary; empty if it is not named.
    pub tokenizer: String,
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Whether there is a chat template.
    pub has_template: bool,
}

impl Facts {
    /// Reads what there is.
    #[must_use]
    pub fn of(gguf: &Gguf) -> Self {
        let text = |key| gguf.text(key).unwrap_or_default().to_owned();
        let architecture = text("general.architecture");
        let mut kinds: Vec<(String, u64)> = Vec::new();
        for place in gguf.tensors.values() {
            let name = place.quantisation.name();
            match kinds.iter_mut().find(|(known, _)| *known == name) {
                Some((_, weights)) => *weights = weights.saturating_add(place.elements()),
                None => kinds.push((name, place.elements())),
            }
        }
        let most = kinds.iter().max_by_key(|(_, weights)| *weights);
        Self {
            name: text("general.name"),
            parameters: kinds.iter().fold(0, |all, (_, weights)| all.saturating_add(*weights)),
            quantisation: most.map_or_else(String::new, |(name, _)| name.clone()),
            context: gguf.whole(&format!("{architecture}.context_length")),
            tokenizer: text("tokenizer.ggml.model"),
            vocabulary: match gguf.metadata.get("tokenizer.ggml.tokens") {
                Some(Value::Texts(tokens)) => tokens.len(),
                _ => 0,
            },
            has_template: gguf.text("tokenizer.chat_template").is_some(),
            architecture,
        }
    }
}

/// How fast a model is on this machine, in tokens a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Reading a prompt.
    pub reading: f64,
    /// Writing an answer.
    pub writing: f64,
}

/// Measures a model by a short prompt and a short answer. Takes about as long as `time`.
///
/// # Errors
/// If it does not compute.
pub fn measure(model: &LocalModel, time: Duration) -> Result<Speed, LoadError> {
    // The first token of the vocabulary is as good as any: only the number counts.
    let most = model.context().saturating_sub(1);
    let prompt = vec![0; most.clamp(1, 256)];
    let read = |prompt: &[u32]| -> Result<f64, LoadError> {
        let asked = Asked { tokens_max: Some(1), ..Asked::default() };
        let started = Instant::now();
        model.answer(prompt, &asked, &|| false, &mut |_| {})?;
        Ok(started.elapsed().as_secs_f64())
    };
    // The first go also orders the weights for the processor.
    read(&prompt[..1])?;
    let reading = prompt.len() as f64 / read(&prompt)?;
    let token = read(&prompt[..1])?.max(1e-9);
    let tokens = (time.as_secs_f64() / token).clamp(4.0, 256.0) as usize;
    let tokens = tokens.min(most.max(1));
    // As evenly as can be, so that no token ends the answer before its time but by chance.
    let sampling = Sampling { temperature: 100.0, ..Sampling::default() };
    let asked = Asked { sampling, tokens_max: Some(tokens), ..Asked::default() };
    let started = Instant::now();
    let made = model.answer(&prompt[..1], &asked, &|| false, &mut |_| {})?;
    Ok(Speed { reading, writing: made.tokens.len() as f64 / started.elapsed().as_secs_f64() })
}
