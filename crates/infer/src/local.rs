//! Language models from a file with weights (GGUF), computed on the processor.
//!
//! A [`ModelFile`] is a head that was read and checked and says what it needs; [`ModelFile::load`]
//! makes a [`LocalModel`] of it, which answers. Everything here blocks: whoever calls brings a thread,
//! a bound on memory and a way to say that it is over.

mod bytes;
mod decoder;
mod gguf;
pub(crate) mod merge;
mod model;
mod quantisation;
mod report;
mod sampler;
mod shape;
pub(crate) mod split;
mod template;
pub(crate) mod vocabulary;
mod weights;
mod writer;

pub use gguf::{Gguf, GgufError};
pub use model::{LocalModel, ModelFile, read_head};
pub use report::{Facts, Speed, measure};
pub use sampler::Sampling;

use crate::Speaker;

/// Bytes of a megabyte.
const MB: u64 = 1_000_000;

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who.
    pub speaker: Speaker,
    /// What. Words of control in it are taken for text.
    pub text: String,
}

/// How an answer is to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asked {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Texts at which the answer stops; they are no part of it.
    pub stops: Vec<String>,
    /// Most tokens; `None`: as many as the context holds.
    pub tokens_max: Option<usize>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or a text came at which it stops.
    Stop,
    /// It has as many tokens as it may or as the context holds.
    Length,
    /// The caller said that it is over.
    Cancelled,
}

/// An answer that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Why it ended.
    pub finish: Finish,
    /// Its tokens, with the one that ended it.
    pub tokens: Vec<u32>,
}

/// What a model needs in memory, in bytes, by a high estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// For weights and vocabulary.
    pub weights: u64,
    /// For what answers remember of their tokens.
    pub contexts: u64,
    /// For computing.
    pub buffers: u64,
}

impl Need {
    /// All of it.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.weights.saturating_add(self.contexts).saturating_add(self.buffers)
    }
}

/// Why a readable file cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsuited {
    /// A family of models that cannot be computed.
    #[error("the architecture {0:?} is not supported: llama, qwen2, qwen3, gemma3 and phi3 are")]
    Architecture(String),
    /// A vocabulary of another kind.
    #[error("the tokenizer {0:?} is not supported")]
    Tokenizer(String),
    /// A type of numbers that cannot be computed with.
    #[error("the quantisation {quantisation} (tensor {tensor:?}) is not supported")]
    Quantisation {
        /// The first tensor that has it.
        tensor: String,
        /// Its name.
        quantisation: String,
    },
    /// Something else that cannot be computed.
    #[error("{0} is not supported")]
    Feature(String),
    /// The file says nothing about this.
    #[error("the value {0:?} is missing or of the wrong type")]
    Missing(&'static str),
    /// Values that do not fit together.
    #[error("the value {0:?} is out of bounds or does not fit the others")]
    Sizes(&'static str),
    /// A tensor is missing.
    #[error("the tensor {0:?} is missing")]
    NoTensor(String),
    /// A tensor is of another size than the model.
    #[error("the tensor {0:?} does not have the sizes that the model's values call for")]
    TensorSizes(String),
    /// No chat template.
    #[error("there is no chat template in the file")]
    NoTemplate,
    /// A chat template that cannot be read.
    #[error("the chat template cannot be read: {0}")]
    Template(String),
}

/// Why a model cannot be loaded or does not compute.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// The head is wrong.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// It cannot be run.
    #[error(transparent)]
    Unsuited(#[from] Unsuited),
    /// It needs more memory than it may have.
    #[error("it needs {} MB of memory and may have {} MB", .need.div_ceil(MB), .most / MB)]
    TooLarge {
        /// Bytes it needs.
        need: u64,
        /// Bytes it may have.
        most: u64,
    },
    /// The file is not the one whose head was read.
    #[error("the file has changed")]
    Changed,
    /// The library for computing failed.
    #[error("the computation failed")]
    Compute(#[from] candle_core::Error),
}

/// Why a conversation makes no prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// The model's template refuses it, e.g. because speakers do not take turns. Holds the template's
    /// own words, which may quote the conversation.
    #[error("the model's chat template refuses the conversation")]
    Template(String),
    /// There is nothing in it.
    #[error("the prompt is empty")]
    Empty,
    /// It leaves no room for an answer.
    #[error("the prompt has {found} tokens, and the context {most}")]
    TooLong {
        /// Its tokens.
        found: usize,
        /// Tokens of question and answer together.
        most: usize,
    },
}
