//! Cuts texts into portions for an external guardrail, and into smaller ones where it refuses them.
//! Knows neither whom they are shown to nor what is said about them.

use std::{collections::VecDeque, ops::Range};

use super::external::Silence;

/// Longest piece of a text in a call, in bytes; a longer text is asked about piece by piece.
const PIECE_BYTES_MAX: usize = 16 << 10;
/// Shortest piece that is cut in two because the guardrail refuses it, in bytes; what it refuses in
/// smaller ones it refuses for another reason.
const PIECE_BYTES_MIN: usize = 512;
/// How much of a piece the next one repeats, in bytes, so that nothing hides at the border; of small
/// pieces an eighth.
const OVERLAP_BYTES: usize = 256;
/// Most text in one call, in bytes; what is more goes in further calls.
const CALL_BYTES_MAX: usize = 64 << 10;
/// Most calls about one request at the same time, once it is known how much fits into one.
const CALLS_AT_ONCE: usize = 4;
/// Most pieces in one call, as some servers bound it; what is more goes in further calls.
const CALL_PIECES_MAX: usize = 32;

/// A piece of the texts, as it may be shown, and where it stands.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) place: Range<usize>,
}

/// Texts on their way to a guardrail, in portions of as much as it takes. No server says in advance how
/// much that is, and each says in its own way that it was too much.
pub(super) struct Portions {
    rest: VecDeque<Piece>,
    /// How much goes into one call, in bytes.
    call_bytes: usize,
    /// How long a piece may be, in bytes.
    piece_bytes: usize,
    /// How many may be shown at the same time: one, until one of this size was taken.
    at_once: usize,
}

impl Portions {
    pub(super) fn of(texts: Vec<Piece>) -> Self {
        let rest = texts.into_iter().flat_map(|text| in_pieces(text, PIECE_BYTES_MAX)).collect();
        Self { rest, call_bytes: CALL_BYTES_MAX, piece_bytes: PIECE_BYTES_MAX, at_once: 1 }
    }

    /// The pieces for the next call, at least one; `None` if everything was shown.
    pub(super) fn next(&mut self) -> Option<Vec<Piece>> {
        let mut bytes = 0;
        let fits = |piece: &&Piece| {
            bytes += piece.text.len();
            bytes <= self.call_bytes
        };
        let count = self.rest.iter().take(CALL_PIECES_MAX).take_while(fits).count().max(1);
        let portion: Vec<Piece> = self.rest.drain(..count.min(self.rest.len())).collect();
        (!portion.is_empty()).then_some(portion)
    }

    /// Whether everything was shown.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many may be shown at the same time.
    pub(super) const fn at_once(&self) -> usize {
        self.at_once
    }

    /// Notes that one was taken: of this size they may be.
    pub(super) const fn taken(&mut self) {
        self.at_once = CALLS_AT_ONCE;
    }

    /// Takes back what was refused, to be shown in smaller portions; so is everything behind it.
    ///
    /// # Errors
    /// [`Silence::Failed`] if it is so little that it cannot have been too much.
    pub(super) fn cut(&mut self, refused: Vec<Piece>) -> std::result::Result<(), Silence> {
        let bytes: usize = refused.iter().map(|piece| piece.text.len()).sum();
        let half = (bytes / 2).max(PIECE_BYTES_MIN);
        if let [piece] = &refused[..] {
            if piece.text.len() <= PIECE_BYTES_MIN {
                return Err(Silence::Failed);
            }
            self.piece_bytes = self.piece_bytes.min(half);
        }
        self.call_bytes = self.call_bytes.min(half);
        self.at_once = 1;
        for piece in refused.into_iter().rev() {
            for part in in_pieces(piece, self.piece_bytes).into_iter().rev() {
                self.rest.push_front(part);
            }
        }
        self.rest = std::mem::take(&mut self.rest)
            .into_iter()
            .flat_map(|piece| in_pieces(piece, self.piece_bytes))
            .collect();
        Ok(())
    }
}

/// Cuts a long text into pieces of at most so many bytes that overlap, if it can be between sentences,
/// else between words.
fn in_pieces(Piece { text, place }: Piece, bytes_max: usize) -> Vec<Piece> {
    if text.len() <= bytes_max {
        return vec![Piece { text, place }];
    }
    let overlap = OVERLAP_BYTES.min(bytes_max / 8);
    let mut pieces = vec![];
    let mut start = 0;
    loop {
        let end = end_of_piece(&text, start, bytes_max);
        let at = |offset: usize| (place.start + offset).min(place.end);
        pieces.push(Piece { text: text[start..end].to_owned(), place: at(start)..at(end) });
        if end == text.len() {
            return pieces;
        }
        let next = text.floor_char_boundary(end - overlap);
        let word = text[next..end].find(char::is_whitespace).map_or(next, |blank| next + blank);
        start = word.max(start + 1);
    }
}

/// The end of the last sentence, else of the last word, in the last quarter of a piece.
fn end_of_piece(text: &str, start: usize, bytes_max: usize) -> usize {
    let end = text.floor_char_boundary(start + bytes_max);
    if end == text.len() {
        return end;
    }
    let from = text.floor_char_boundary(end - bytes_max / 4);
    let window = &text[from..end];
    // What the window cuts off is no whole sentence.
    let sentences = text::sentences(window);
    let sentence = sentences.len().checked_sub(2).map(|last| sentences[last].end);
    let word = || window.rfind(char::is_whitespace);
    sentence.or_else(word).map_or(end, |at| from + at)
}
