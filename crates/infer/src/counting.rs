//! How many tokens a model would make of a text, for whoever must know before it is sent: by a vocabulary
//! that is built in, or by one in a file. Knows no messages and no templates.

mod ranks;

use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
};

use ranks::Ranks;

use crate::local::{LoadError, read_head, vocabulary::Vocabulary};

/// A text is counted in pieces of at most so many bytes, cut where a word begins: time and memory grow
/// with the text and no faster, whatever it is made of.
const PIECE_BYTES_MAX: usize = 64 << 10;

static CL100K: OnceLock<Arc<Ranks>> = OnceLock::new();
static O200K: OnceLock<Arc<Ranks>> = OnceLock::new();

/// Counts tokens.
#[derive(Clone)]
pub struct Tokenizer {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Ranks(Arc<Ranks>),
    Gguf(Arc<Vocabulary>),
    Json(Arc<tokenizers::Tokenizer>),
}

/// Why a file gives no tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// It is no vocabulary in a GGUF file that can be used.
    #[error("the vocabulary of the GGUF file cannot be used")]
    Gguf(#[from] LoadError),
    /// It is no `tokenizer.json` that can be used.
    #[error("the file is no tokenizer.json that can be used")]
    Json(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Tokenizer {
    /// OpenAI's `cl100k_base`, of GPT-4. Read when first asked for, which takes a good part of a
    /// second and then some 10 MB for as long as the process lives.
    #[must_use]
    pub fn cl100k() -> Self {
        let packed = include_bytes!("../vocabularies/cl100k_base.tiktoken.gz");
        let ranks = CL100K.get_or_init(|| Arc::new(Ranks::unpack(packed, "cl100k")));
        Self { kind: Kind::Ranks(Arc::clone(ranks)) }
    }

    /// Whether `cl100k_base` was read before.
    #[must_use]
    pub fn has_cl100k() -> bool {
        CL100K.get().is_some()
    }

    /// Whether `o200k_base` was read before.
    #[must_use]
    pub fn has_o200k() -> bool {
        O200K.get().is_some()
    }

    /// OpenAI's `o200k_base`, of GPT-4o and later. Otherwise as [`Tokenizer::cl100k`], with 20 MB.
    #[must_use]
    pub fn o200k() -> Self {
        let packed = include_bytes!("../vocabularies/o200k_base.tiktoken.gz");
        let ranks = O200K.get_or_init(|| Arc::new(Ranks::unpack(packed, "o200k")));
        Self { kind: Kind::Ranks(Arc::clone(ranks)) }
    }

    /// The vocabulary in a file: a `tokenizer.json` in the format of Hugging Face, or the GGUF file of
    /// a model, of which only the head is read.
    ///
    /// # Errors
    /// If the file cannot be read or used.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let is_json = path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json"));
        let kind = if is_json {
            let json = tokenizers::Tokenizer::from_file(path).map_err(TokenizerError::Json)?;
            Kind::Json(Arc::new(json))
        } else {
            let vocabulary = Vocabulary::of(&read_head(path)?).map_err(LoadError::from)?;
            Kind::Gguf(Arc::new(vocabulary))
        };
        Ok(Self { kind })
    }

    /// How many tokens the text has; `None` if they are more than `most`, which is found out
    /// early. Takes time in proportion to the text, about a second for 20 MB of prose.
    #[must_use]
    pub fn count(&self, text: &str, most: u64) -> Option<u64> {
        let mut sum = 0_u64;
        for piece in pieces(text) {
            sum = sum.saturating_add(self.piece(piece) as u64);
            if sum > most {
                return None;
            }
        }
        Some(sum)
    }

    fn piece(&self, text: &str) -> usize {
        match &self.kind {
            Kind::Ranks(ranks) => ranks.count(text),
            Kind::Gguf(vocabulary) => vocabulary.count(text),
            // What it cannot read has a token for each byte at most.
            Kind::Json(json) => {
                json.encode_fast(text, false).map_or(text.len(), |encoded| encoded.len())
            }
        }
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Ranks(_) => "a built-in vocabulary",
            Kind::Gguf(_) => "the vocabulary of a GGUF file",
            Kind::Json(_) => "a tokenizer.json",
        })
    }
}

/// The text in pieces.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(cut(rest));
        rest = after;
        Some(piece)
    })
}

/// Where the first piece ends: before the last space in reach that a word follows, because there
/// every vocabulary begins anew. In a text without one, after any character.
fn cut(text: &str) -> usize {
    if text.len() <= PIECE_BYTES_MAX {
        return text.len();
    }
    let reach = &text[..text.floor_char_boundary(PIECE_BYTES_MAX)];
    let begins = |(at, _): &(usize, &str)| {
        text[at + 1..].chars().next().is_some_and(|next| !next.is_whitespace())
    };
    match reach.rmatch_indices(' ').find(begins) {
        Some((at, _)) if at > 0 => at,
        _ => reach.len(),
    }
}
