//! What the engine answers: our few words and many quotes, each with its place.

use crate::tokens::estimate_tokens;

/// An answer as pieces, in order. Joined, the rendered pieces are the answer in Markdown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtractAnswer {
    /// The pieces.
    pub pieces: Vec<Piece>,
}

/// A piece of an answer; also the unit in which it is streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Our own fixed words and the space between quotes.
    Text(String),
    /// A heading of the sources above a group of quotes.
    Heading(String),
    /// A sentence of a source.
    Quote {
        /// The number of the source.
        source: u32,
        /// First character of the quote in the source's text, in code points.
        start: usize,
        /// Character after the quote.
        end: usize,
        /// The quote, word for word, with the line breaks of the source.
        text: String,
    },
}

/// Where a quote stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Citation {
    /// The number of the source.
    pub number: u32,
    /// First character in the source's text, in code points.
    pub start: usize,
    /// Character after the last.
    pub end: usize,
}

impl Piece {
    /// The piece in Markdown. Line breaks inside a quote become spaces; a quote is followed by its mark: `… Satz. [2]`.
    #[must_use]
    pub fn render(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Heading(heading) => format!("## {}", one_line(heading).replace('*', "")),
            Self::Quote { source, .. } => self.render_marked(*source),
        }
    }

    /// The piece in Markdown, its mark with another number than that of the source.
    #[must_use]
    pub fn render_marked(&self, number: u32) -> String {
        match self {
            Self::Quote { text, .. } => format!("{} [{number}]", one_line(text)),
            other => other.render(),
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl ExtractAnswer {
    /// The whole answer in Markdown.
    #[must_use]
    pub fn render(&self) -> String {
        self.chunks().collect()
    }

    /// The answer in Markdown, piece by piece, for streaming.
    pub fn chunks(&self) -> impl Iterator<Item = String> + '_ {
        self.pieces.iter().map(Piece::render)
    }

    /// Where each quote stands, in the order of the answer.
    #[must_use]
    pub fn citations(&self) -> Vec<Citation> {
        let place = |piece: &Piece| match piece {
            Piece::Quote { source, start, end, .. } => {
                Some(Citation { number: *source, start: *start, end: *end })
            }
            Piece::Text(_) | Piece::Heading(_) => None,
        };
        self.pieces.iter().filter_map(place).collect()
    }

    /// Whether the answer quotes anything; if not, it says why.
    #[must_use]
    pub fn quotes_anything(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Quote { .. }))
    }

    /// About how many tokens a language model would have written.
    #[must_use]
    pub fn completion_tokens(&self) -> u64 {
        estimate_tokens(&self.render())
    }
}
