//! Routes to models in files: the file is looked at here, so that one that cannot be run is a mistake
//! with its line and not a failure of the first answer.

use std::path::PathBuf;

use gateway::{Abilities, LocalRoute, Tokenizer};
use infer::local::ModelFile;

use super::{
    check::{Checker, entry_text},
    declaration::ROUTES,
    mistake::Origin,
    raw::{RawTable, Value},
    routing,
};
use crate::wiring::causes;

/// A model in a file takes text and gives text.
pub(super) const ABILITIES: Abilities =
    Abilities { tools: false, images: false, structured: false };

/// Tokens of question and answer together, if nobody says how many.
const CONTEXT_TOKENS: usize = 4_096;
/// Answers at the same time, if nobody says how many: they share the processor.
const ANSWERS: usize = 2;
const MB: u64 = 1_000_000;

/// What counts the tokens of a route; a model in a file brings its own.
pub(super) fn tokenizer(
    checker: &mut Checker<'_>,
    table: &RawTable,
    local: Option<&LocalRoute>,
) -> Tokenizer {
    let own = || local.map(|local| Tokenizer::File(local.path.clone())).unwrap_or_default();
    let Some(code) = entry_text(table, "tokenizer") else { return own() };
    let tokenizer = Tokenizer::from_code(&code);
    if let Tokenizer::File(path) = &tokenizer
        && !path.is_file()
    {
        let text = "is neither `cl100k` nor `o200k` nor a file".to_owned();
        checker.at_value(table, ROUTES, "tokenizer", text);
    }
    tokenizer
}

/// Checks the keys of such a route and its file.
pub(super) fn route(checker: &mut Checker<'_>, table: &RawTable) -> Option<LocalRoute> {
    let path = entry_text(table, "path").or_else(|| checker.required(table, ROUTES, "path"));
    let memory = match table.values.get("max_memory_mb").map(|given| &given.value) {
        Some(Value::Whole(memory)) => Some(*memory),
        _ => checker.required(table, ROUTES, "max_memory_mb"),
    };
    let asked =
        routing::tokens(table, "context_tokens").and_then(|asked| usize::try_from(asked).ok());
    let answers_max = match table.values.get("concurrency") {
        Some(given) if given.origin != Origin::BuiltIn => match given.value {
            Value::Whole(answers) => usize::try_from(answers).unwrap_or(1),
            _ => ANSWERS,
        },
        _ => ANSWERS,
    };
    let (path, memory_bytes_max) = (PathBuf::from(path?), memory?.saturating_mul(MB));
    let checked = ModelFile::open(&path).and_then(|file| {
        let most = file.context_max();
        if asked.is_some_and(|asked| asked > most) {
            let text = format!("the file was made for at most {most} tokens");
            checker.at_value(table, ROUTES, "context_tokens", text);
        }
        let context = asked.unwrap_or(CONTEXT_TOKENS).min(most);
        file.check_memory(context, answers_max, memory_bytes_max)?;
        Ok(context)
    });
    match checked {
        Ok(context_tokens) => {
            Some(LocalRoute { path, context_tokens, answers_max, memory_bytes_max })
        }
        Err(error) => {
            let text = format!("{} cannot be run: {}", path.display(), causes(&error));
            checker.at_value(table, ROUTES, "path", text);
            None
        }
    }
}
