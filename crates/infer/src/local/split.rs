//! How byte-pair encodings cut a text into words before they merge: one pattern after the other, as
//! the model's makers trained it. The patterns are published with the models.

use regex::Regex;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+";
const LLAMA3: &str = r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const QWEN2: &str = r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+";
/// Of OpenAI's `o200k_base`. That of `cl100k_base` is [`LLAMA3`], which was made from it.
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+";
const DIGIT: &str = r"\p{N}";

/// A way to cut.
#[derive(Debug)]
pub(crate) struct Split {
    patterns: Vec<Regex>,
    /// Whether line breaks have a rule of their own, before that for white space.
    has_line_rule: bool,
    takes_whole_words: bool,
}

impl Split {
    /// The way that `tokenizer.ggml.pre` names.
    pub fn named(name: &str) -> Option<Self> {
        let (patterns, has_line_rule, takes_whole_words): (&[&str], _, _) = match name {
            "gpt-2" => (&[GPT2], false, false),
            "smollm" => (&[DIGIT, GPT2], false, false),
            "llama-bpe" | "llama3" | "llama-v3" | "cl100k" => (&[LLAMA3], true, true),
            "dbrx" | "smaug-bpe" => (&[LLAMA3], true, false),
            "qwen2" | "deepseek-r1-qwen" => (&[QWEN2], true, false),
            "o200k" => (&[O200K], true, true),
            "tekken" => (&[TEKKEN], true, true),
            _ => return None,
        };
        let patterns = patterns.iter().map(|pattern| Regex::new(pattern).expect("a right pattern"));
        Some(Self { patterns: patterns.collect(), has_line_rule, takes_whole_words })
    }

    /// Whether a word that is a token is one, whatever the merges say.
    pub fn takes_whole_words(&self) -> bool {
        self.takes_whole_words
    }

    /// The words, which together are the text.
    pub fn words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut words = vec![text];
        for pattern in &self.patterns {
            words = words.into_iter().flat_map(|word| self.cut(pattern, word)).collect();
        }
        words
    }

    fn cut<'t>(&self, pattern: &Regex, text: &'t str) -> Vec<&'t str> {
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(found) = pattern.find_at(text, at) {
            let end = found.start() + self.kept(found.as_str(), &text[found.end()..]);
            words.extend([&text[at..found.start()], &text[found.start()..end]]);
            at = end;
        }
        words.push(&text[at..]);
        words.retain(|word| !word.is_empty());
        words
    }

    /// The length of a match: of white space before a word, the last character belongs to the word.
    /// The original patterns say so by looking ahead, as `\s+(?!\S)`.
    fn kept(&self, found: &str, after: &str) -> usize {
        let last = found.chars().next_back().map_or(0, char::len_utf8);
        let by_line_rule = self.has_line_rule && found.ends_with(['\r', '\n']);
        let is_space = found.chars().all(char::is_whitespace);
        let is_cut = is_space && !by_line_rule && !after.is_empty() && found.len() > last;
        if is_cut { found.len() - last } else { found.len() }
    }
}
