//! A model that can answer: everything of a file put together.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use super::{
    Asked, Finish, Generated, LoadError, Need, PromptError, Turn, Unsuited,
    decoder::{CHUNK, Decoder, Memory},
    gguf::Gguf,
    sampler::Sampler,
    shape::Shape,
    template::Template,
    vocabulary::Vocabulary,
    weights,
    writer::Writer,
};

/// Bytes that a vocabulary takes in memory for each in the head, by a high estimate.
const HEAD_TIMES: u64 = 4;

/// A file whose head was read and checked. Its weights are still on disk.
#[derive(Debug)]
pub struct ModelFile {
    path: PathBuf,
    gguf: Gguf,
    shape: Shape,
    vocabulary: Vocabulary,
    template: Template,
    weight_bytes: u64,
}

/// A model in memory. Answers share the weights and nothing else.
#[derive(Debug)]
pub struct LocalModel {
    decoder: Decoder,
    vocabulary: Vocabulary,
    template: Template,
    context: usize,
}

/// Reads the head of a file.
///
/// # Errors
/// If it is not a GGUF file that can be read.
pub fn read_head(path: &Path) -> Result<Gguf, LoadError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok(Gguf::read(BufReader::new(file), length)?)
}

impl ModelFile {
    /// Reads the head of a file and checks all of it: sizes, vocabulary, template, weights.
    ///
    /// # Errors
    /// If it cannot be read or cannot be run.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        Ok(Self::of(path, read_head(path)?)?)
    }

    /// Checks a head.
    ///
    /// # Errors
    /// If it cannot be run; the error names what stands against it.
    pub fn of(path: &Path, gguf: Gguf) -> Result<Self, Unsuited> {
        let shape = Shape::of(&gguf)?;
        let weight_bytes = weights::check(&gguf, &shape)?;
        let vocabulary = Vocabulary::of(&gguf)?;
        let template = Template::of(&gguf, &vocabulary)?;
        Ok(Self { path: path.to_owned(), gguf, shape, vocabulary, template, weight_bytes })
    }

    /// The longest context the model was made for, in tokens.
    #[must_use]
    pub fn context_max(&self) -> usize {
        self.shape.context
    }

    /// What the model needs in memory for so many answers at a time with a context of so many tokens.
    #[must_use]
    pub fn need(&self, context: usize, answers: usize) -> Need {
        let context = context.min(self.shape.context);
        let times = answers as u64;
        Need {
            weights: self.weight_bytes.saturating_add(self.gguf.head_bytes * HEAD_TIMES),
            contexts: Memory::bytes(&self.shape, context).saturating_mul(times),
            buffers: Decoder::bytes_in_a_go(&self.shape, context).saturating_mul(times),
        }
    }

    /// Holds what the model needs against a bound, in bytes.
    ///
    /// # Errors
    /// If it needs more.
    pub fn check_memory(&self, context: usize, answers: usize, most: u64) -> Result<(), LoadError> {
        let need = self.need(context, answers).total();
        if need > most { Err(LoadError::TooLarge { need, most }) } else { Ok(()) }
    }

    /// Reads the weights, for answers with a context of at most so many tokens.
    ///
    /// # Errors
    /// If the file cannot be read or has changed since.
    pub fn load(self, context: usize) -> Result<LocalModel, LoadError> {
        let context = context.min(self.shape.context);
        let weights = weights::read(&self.gguf, &self.shape, &mut File::open(&self.path)?)?;
        let is_long = self.shape.context_first.is_some_and(|first| context > first);
        let decoder = Decoder { shape: self.shape, weights, is_long };
        Ok(LocalModel { decoder, vocabulary: self.vocabulary, template: self.template, context })
    }
}

impl LocalModel {
    /// The longest context of an answer, question included, in tokens.
    #[must_use]
    pub fn context(&self) -> usize {
        self.context
    }

    /// The tokens of a conversation, in the words of the file's template.
    ///
    /// # Errors
    /// If the template refuses the conversation or it leaves no room for an answer.
    pub fn prompt(&self, turns: &[Turn]) -> Result<Vec<u32>, PromptError> {
        let text = self.template.render(turns, &self.vocabulary)?;
        self.fitting(self.vocabulary.tokens_of_prompt(&text))
    }

    /// The tokens of a text that stands for itself.
    ///
    /// # Errors
    /// If it is empty or leaves no room for an answer.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, PromptError> {
        self.fitting(self.vocabulary.tokens_of_prompt(&self.vocabulary.tame(text)))
    }

    fn fitting(&self, tokens: Vec<u32>) -> Result<Vec<u32>, PromptError> {
        match tokens.len() {
            0 => Err(PromptError::Empty),
            found if found >= self.context => {
                Err(PromptError::TooLong { found, most: self.context })
            }
            _ => Ok(tokens),
        }
    }

    /// Writes an answer to a prompt, piece by piece. `is_over` is asked before each layer of the
    /// model: once it says yes, the answer ends within a fraction of a token's time.
    ///
    /// # Errors
    /// If the computation fails.
    pub fn answer(
        &self,
        prompt: &[u32],
        asked: &Asked,
        is_over: &dyn Fn() -> bool,
        on_piece: &mut dyn FnMut(&str),
    ) -> Result<Generated, LoadError> {
        let longest = asked.tokens_max.unwrap_or(usize::MAX);
        let room = prompt.len().saturating_add(longest).min(self.context);
        let mut memory = Memory::new(&self.decoder.shape, room)?;
        let mut writer = Writer::new(&asked.stops);
        let mut sampler = Sampler::new(&asked.sampling, prompt);
        let mut tokens = Vec::new();
        let mut next = prompt.to_vec();
        let finish = loop {
            let Some(scores) = self.read(&next, &mut memory, is_over)? else {
                break Finish::Cancelled;
            };
            let token = sampler.choose(scores);
            tokens.push(token);
            if self.vocabulary.is_end(token) {
                break Finish::Stop;
            }
            give(&writer.take(&self.vocabulary.bytes_of(token)), on_piece);
            if writer.is_stopped {
                break Finish::Stop;
            }
            if tokens.len() >= longest || !memory.has_room() {
                break Finish::Length;
            }
            next = vec![token];
        };
        give(&writer.finish(), on_piece);
        Ok(Generated { finish, tokens })
    }

    fn read(
        &self,
        tokens: &[u32],
        memory: &mut Memory,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>, LoadError> {
        let mut scores = None;
        for chunk in tokens.chunks(CHUNK) {
            scores = self.decoder.go(chunk, memory, is_over)?;
            if scores.is_none() {
                break;
            }
        }
        Ok(scores)
    }
}

fn give(piece: &str, on_piece: &mut dyn FnMut(&str)) {
    if !piece.is_empty() {
        on_piece(piece);
    }
}
