//! From text to tokens and back, by the vocabulary in a GGUF file: pieces by score (SentencePiece) or
//! bytes merged by rank (GPT-2's byte-pair encoding). Knows nothing of models and templates.

use std::collections::{HashMap, HashSet};

use aho_corasick::{AhoCorasick, MatchKind};

use super::{
    Unsuited,
    bytes::{byte_of, char_of},
    gguf::{Gguf, Value},
    merge::merge,
    split::Split,
};

/// Stands inside a word of control that came with people's text: taken for text, then taken out. A
/// character that Unicode keeps for such uses inside a program.
const BREAK: char = '\u{FDD0}';
/// How SentencePiece writes a space.
const SPACE: char = '\u{2581}';
/// Tokens that end an answer, as models name them, beside those that the file names.
const ENDS: [&str; 8] = [
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "</s>",
];

/// Most words of control, and their bytes together; beyond: refused, because finding them in a text takes
/// memory for each byte. Gemma has some 6,400.
const CONTROL_MAX: usize = 1 << 14;
const CONTROL_BYTES_MAX: usize = 1 << 19;

/// Kinds of tokens, as `tokenizer.ggml.token_type` has them.
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const BYTE: i32 = 6;

/// A vocabulary.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    tokens: Vec<Box<str>>,
    kinds: Vec<i32>,
    ids: HashMap<Box<str>, u32>,
    scheme: Scheme,
    /// Finds words of control.
    control: AhoCorasick,
    control_ids: Vec<u32>,
    /// Whether white space after a word of control belongs to it.
    trims_after_control: bool,
    begin: Option<u32>,
    adds_begin: bool,
    ends: HashSet<u32>,
}

#[derive(Debug)]
enum Scheme {
    Pieces { scores: Vec<f32>, unknown: u32, adds_space: bool },
    Merges { ranks: HashMap<(u32, u32), u32>, split: Split },
}

impl Vocabulary {
    /// Reads the vocabulary.
    pub fn of(gguf: &Gguf) -> Result<Self, Unsuited> {
        let model =
            gguf.text("tokenizer.ggml.model").ok_or(Unsuited::Missing("tokenizer.ggml.model"))?;
        let Some(Value::Texts(tokens)) = gguf.metadata.get("tokenizer.ggml.tokens") else {
            return Err(Unsuited::Missing("tokenizer.ggml.tokens"));
        };
        let kinds = match gguf.metadata.get("tokenizer.ggml.token_type") {
            Some(Value::Wholes(kinds)) if kinds.len() == tokens.len() => kinds.clone(),
            Some(_) => return Err(Unsuited::Sizes("tokenizer.ggml.token_type")),
            None => return Err(Unsuited::Missing("tokenizer.ggml.token_type")),
        };
        let ids: HashMap<Box<str>, u32> =
            (0..).zip(tokens).map(|(id, token)| (token.clone(), id)).collect();
        let scheme = match model {
            "llama" => pieces(gguf, tokens.len())?,
            "gpt2" => merges(gguf, &ids)?,
            other => return Err(Unsuited::Tokenizer(other.to_owned())),
        };
        let named = |key: &str| {
            let id = gguf.whole(&format!("tokenizer.ggml.{key}_token_id"))?;
            u32::try_from(id).ok().filter(|id| (*id as usize) < tokens.len())
        };
        let is_control = |id: &u32| {
            let (token, kind) = (&tokens[*id as usize], kinds[*id as usize]);
            !token.is_empty() && matches!(kind, CONTROL | USER_DEFINED)
        };
        let control_ids: Vec<u32> = (0..).take(tokens.len()).filter(is_control).collect();
        let control_bytes: usize = control_ids.iter().map(|id| tokens[*id as usize].len()).sum();
        if control_ids.len() > CONTROL_MAX || control_bytes > CONTROL_BYTES_MAX {
            return Err(Unsuited::Sizes("tokenizer.ggml.token_type"));
        }
        let control = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(control_ids.iter().map(|id| tokens[*id as usize].as_bytes()))
            .map_err(|_| Unsuited::Sizes("tokenizer.ggml.tokens"))?;
        let mut ends: HashSet<u32> = ["eos", "eot", "eom"].into_iter().filter_map(named).collect();
        ends.extend(ENDS.iter().filter_map(|text| ids.get(*text)).filter(|id| is_control(id)));
        let pre = gguf.text("tokenizer.ggml.pre").unwrap_or_default();
        let adds_begin = gguf.flag("tokenizer.ggml.add_bos_token");
        Ok(Self {
            // Phi-3's words of control take the line break after them.
            trims_after_control: model == "llama"
                && gguf.text("general.architecture") == Some("phi3"),
            begin: named("bos"),
            adds_begin: adds_begin.unwrap_or(model == "llama" || pre == "llama-bpe"),
            tokens: tokens.clone(),
            kinds,
            ids,
            scheme,
            control,
            control_ids,
            ends,
        })
    }

    /// Text of people, with every word of control in it broken: it can be written about, not used.
    pub fn tame(&self, text: &str) -> String {
        let mut tame = String::with_capacity(text.len());
        let text = text.replace(BREAK, "");
        let mut at = 0;
        for found in self.control.find_iter(text.as_bytes()) {
            let first = text[found.start()..].chars().next().map_or(0, char::len_utf8);
            tame.push_str(&text[at..found.start() + first]);
            tame.push(BREAK);
            at = found.start() + first;
        }
        tame.push_str(&text[at..]);
        tame
    }

    /// The tokens of a prompt: words of control as such, all else as text.
    pub fn tokens_of_prompt(&self, prompt: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut at = 0;
        for found in self.control.find_iter(prompt.as_bytes()) {
            // What was taken for white space may have reached beyond this place.
            let before = prompt.get(at..found.start()).unwrap_or_default();
            self.text(before, &mut tokens);
            tokens.push(self.control_ids[found.pattern().as_usize()]);
            at = found.end();
            if self.trims_after_control {
                let rest = &prompt[at..];
                at += rest.len() - rest.trim_start().len();
            }
        }
        self.text(&prompt[at..], &mut tokens);
        if let Some(begin) = self.begin
            && self.adds_begin
            && tokens.first() != Some(&begin)
        {
            tokens.insert(0, begin);
        }
        tokens
    }

    /// The bytes of a token; none for words of control.
    pub fn bytes_of(&self, id: u32) -> Vec<u8> {
        let Some(token) = self.tokens.get(id as usize) else { return Vec::new() };
        match (self.kinds[id as usize], &self.scheme) {
            (CONTROL, _) => Vec::new(),
            (USER_DEFINED, _) => token.as_bytes().to_vec(),
            (BYTE, _) => byte_of(token).into_iter().collect(),
            (_, Scheme::Pieces { .. }) => token.replace(SPACE, " ").into_bytes(),
            (_, Scheme::Merges { .. }) => super::bytes::bytes_of(token),
        }
    }

    pub fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// The text of the token that begins (`bos`) or ends (`eos`) a text, for templates.
    pub fn text_of_begin(&self) -> &str {
        self.begin.map_or("", |id| &self.tokens[id as usize])
    }

    pub fn text_of_end(&self, gguf: &Gguf) -> String {
        let id = gguf.whole("tokenizer.ggml.eos_token_id").and_then(|id| usize::try_from(id).ok());
        id.and_then(|id| self.tokens.get(id)).map(ToString::to_string).unwrap_or_default()
    }

    /// How many tokens a text of people has, as a part of a prompt.
    pub fn count(&self, text: &str) -> usize {
        let mut tokens = Vec::new();
        // Broken words of control, as in a prompt.
        self.text(&self.tame(text), &mut tokens);
        tokens.len()
    }

    fn text(&self, text: &str, tokens: &mut Vec<u32>) {
        let text = text.replace(BREAK, "");
        if text.is_empty() {
            return;
        }
        match &self.scheme {
            Scheme::Pieces { scores, unknown, adds_space } => {
                // After a word of control a text begins anew.
                let lead = if *adds_space { " " } else { "" };
                let text = format!("{lead}{text}").replace(' ', "\u{2581}");
                let rank = |left: &str, right: &str| {
                    let merged = self.ids.get(format!("{left}{right}").as_str())?;
                    Some(-scores[*merged as usize])
                };
                for piece in merge(&text, rank) {
                    self.piece(piece, *unknown, tokens);
                }
            }
            Scheme::Merges { ranks, split } => {
                for word in split.words(&text) {
                    let word: String = word.bytes().map(char_of).collect();
                    let rank = |left: &str, right: &str| {
                        let pair = (*self.ids.get(left)?, *self.ids.get(right)?);
                        ranks.get(&pair).map(|rank| *rank as f32)
                    };
                    match self.ids.get(word.as_str()) {
                        Some(id) if split.takes_whole_words() => tokens.push(*id),
                        _ => tokens.extend(
                            merge(&word, rank).iter().filter_map(|piece| self.ids.get(*piece)),
                        ),
                    }
                }
            }
        }
    }

    /// A piece, by its bytes if the vocabulary does not have it.
    fn piece(&self, piece: &str, unknown: u32, tokens: &mut Vec<u32>) {
        match self.ids.get(piece) {
            Some(id) => tokens.push(*id),
            None => tokens.extend(piece.bytes().map(|byte| {
                self.ids.get(format!("<0x{byte:02X}>").as_str()).copied().unwrap_or(unknown)
            })),
        }
    }
}

fn pieces(gguf: &Gguf, count: usize) -> Result<Scheme, Unsuited> {
    let Some(Value::Numbers(scores)) = gguf.metadata.get("tokenizer.ggml.scores") else {
        return Err(Unsuited::Missing("tokenizer.ggml.scores"));
    };
    if scores.len() != count {
        return Err(Unsuited::Sizes("tokenizer.ggml.scores"));
    }
    let unknown = gguf.whole("tokenizer.ggml.unknown_token_id").unwrap_or(0);
    let unknown = u32::try_from(unknown).ok().filter(|id| (*id as usize) < count);
    Ok(Scheme::Pieces {
        scores: scores.clone(),
        unknown: unknown.ok_or(Unsuited::Sizes("tokenizer.ggml.unknown_token_id"))?,
        adds_space: gguf.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true),
    })
}

fn merges(gguf: &Gguf, ids: &HashMap<Box<str>, u32>) -> Result<Scheme, Unsuited> {
    let pre = gguf.text("tokenizer.ggml.pre").ok_or(Unsuited::Missing("tokenizer.ggml.pre"))?;
    let split = Split::named(pre).ok_or_else(|| Unsuited::Tokenizer(format!("gpt2 with {pre}")))?;
    let Some(Value::Texts(merges)) = gguf.metadata.get("tokenizer.ggml.merges") else {
        return Err(Unsuited::Missing("tokenizer.ggml.merges"));
    };
    let mut ranks = HashMap::with_capacity(merges.len());
    for (rank, pair) in (0..).zip(merges) {
        // A space belongs to neither side: bytes that are one have a letter of their own.
        let pair = pair
            .split_once(' ')
            .and_then(|(left, right)| Some((*ids.get(left)?, *ids.get(right)?)));
        if let Some(pair) = pair {
            ranks.entry(pair).or_insert(rank);
        }
    }
    Ok(Scheme::Merges { ranks, split })
}
