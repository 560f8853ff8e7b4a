//! Models that run inside the process: [`Extractive`], the built-in engine `fachwerk-auszug`, and language
//! models from a file with weights, in [`local`]. And what counts the tokens of a text as a model elsewhere would: [`Tokenizer`].
//!
//! The built-in engine needs no weights. It answers only from given text, quotes sentences word for word, cites each, says what it is, and says so
//! when the text holds no answer. Text in the sources is only ever quoted, never obeyed. Pure and synchronous: knows no network,
//! no users, no clock and no wire format; the same request always gets the same answer.

mod answer;
mod counting;
mod excerpt;
mod extractive;
mod given;
pub mod local;
mod request;
mod tokens;
mod wording;

pub use answer::{Citation, ExtractAnswer, Piece};
pub use counting::{Tokenizer, TokenizerError};
pub use extractive::{ENGINE_NAME, Extractive};
pub use given::{Given, Message, Speaker, sources_from_plain_text};
pub use request::{ExtractRequest, Language, Source, SummaryLength, Task};
pub use tokens::estimate_tokens;
