//! The German (and English) language: sentences, terms, stems, compound parts, extractive summary.
//!
//! Text in, values out. Knows no files, no network, no documents and no users.

mod compound;
mod lexicon;
mod sentence;
mod stem;
mod stop;
pub mod summary;
mod terms;

pub use compound::parts as compound_parts;
pub use sentence::{leading_marker, sentences};
pub use stem::{fold, stem};
pub use stop::is_stop_word;
pub use terms::{Analyser, Term, terms};
