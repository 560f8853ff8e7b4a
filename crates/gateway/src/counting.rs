//! Counts the tokens of requests that may be too long for a route. A text never has more tokens than
//! bytes, so most requests fit by their length alone, and nothing is counted.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Semaphore;

/// Longest texts that are counted on an async thread, a few milliseconds at most.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// By which vocabulary the tokens of a route are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Tokenizer {
    /// OpenAI's `cl100k_base`. Taken where nobody says which: those of Llama 3 and Qwen have grown
    /// out of it, and later ones make fewer tokens of German.
    #[default]
    Cl100k,
    /// OpenAI's `o200k_base`.
    O200k,
    /// That of a file, a `tokenizer.json` or a model in the GGUF format.
    File(PathBuf),
}

impl Tokenizer {
    /// The word in files and interfaces.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Cl100k => "cl100k".to_owned(),
            Self::O200k => "o200k".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The tokenizer of a word; what is none of the built-in ones is a path.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        match code {
            "cl100k" => Self::Cl100k,
            "o200k" => Self::O200k,
            path => Self::File(path.into()),
        }
    }
}

/// How many tokens a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// So many.
    Exactly(u64),
    /// More than so many; nobody counted on.
    MoreThan(u64),
}

/// What counts, and how much of it goes on at the same time.
#[derive(Debug)]
pub(crate) struct Counters {
    places: Arc<Semaphore>,
    files: Arc<Files>,
}

/// Vocabularies in files, each read when it is first asked for; `None`: it cannot be used.
#[derive(Debug, Default)]
struct Files {
    read: Mutex<HashMap<PathBuf, Option<infer::Tokenizer>>>,
}

impl Default for Counters {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { places: Arc::new(Semaphore::new(cores)), files: Arc::default() }
    }
}

impl Counters {
    /// Counts texts together. Long ones wait for a place among as many as there are cores, off the
    /// async threads. If the caller goes away while waiting, nothing is counted.
    pub(crate) async fn count(
        &self,
        tokenizer: &Tokenizer,
        texts: Vec<String>,
        most: u64,
    ) -> Counted {
        let bytes: usize = texts.iter().map(String::len).sum();
        if bytes <= INLINE_BYTES_MAX && self.files.has_read(tokenizer) {
            return counted(&self.files.find(tokenizer), &texts, most);
        }
        let (files, tokenizer) = (Arc::clone(&self.files), tokenizer.clone());
        // It is never closed, and counting does not panic; either way the byte is the bound.
        let Ok(permit) = Arc::clone(&self.places).acquire_owned().await else {
            return Counted::Exactly(bytes as u64);
        };
        let done = tokio::task::spawn_blocking(move || {
            let counted = counted(&files.find(&tokenizer), &texts, most);
            drop(permit);
            counted
        });
        done.await.unwrap_or(Counted::Exactly(bytes as u64))
    }

    /// Lets go of files, which may have changed when the catalogue does.
    pub(crate) fn forget(&self) {
        self.files.read.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Files {
    fn has_read(&self, tokenizer: &Tokenizer) -> bool {
        match tokenizer {
            Tokenizer::Cl100k => infer::Tokenizer::has_cl100k(),
            Tokenizer::O200k => infer::Tokenizer::has_o200k(),
            Tokenizer::File(path) => {
                self.read.lock().unwrap_or_else(PoisonError::into_inner).contains_key(path)
            }
        }
    }

    /// Blocks while a vocabulary is read.
    fn find(&self, tokenizer: &Tokenizer) -> infer::Tokenizer {
        let path = match tokenizer {
            Tokenizer::Cl100k => return infer::Tokenizer::cl100k(),
            Tokenizer::O200k => return infer::Tokenizer::o200k(),
            Tokenizer::File(path) => path,
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read.entry(path.clone()).or_insert_with(|| {
            let opened = infer::Tokenizer::open(path).inspect_err(|error| {
                let error = error as &dyn std::error::Error;
                let file = path.display();
                tracing::warn!(%file, error, "a tokenizer cannot be used: cl100k counts instead");
            });
            opened.ok()
        });
        known.clone().unwrap_or_else(infer::Tokenizer::cl100k)
    }
}

fn counted(tokenizer: &infer::Tokenizer, texts: &[String], most: u64) -> Counted {
    let mut sum = 0_u64;
    for text in texts {
        match tokenizer.count(text, most.saturating_sub(sum)) {
            Some(tokens) => sum = sum.saturating_add(tokens),
            None => return Counted::MoreThan(most),
        }
    }
    Counted::Exactly(sum)
}
