//! A fuzz target for each parser of ours: a function that takes any bytes, and panics where a promise
//! of the parser is broken.
//!
//! `cargo xtask fuzz` runs them under libFuzzer, which needs a nightly compiler. The tests of this
//! crate run every function on stable Rust with its seeds and with what becomes of them, so that no
//! target rots.

mod dialects;
mod documents;
mod identity;
mod installation;
mod language;
mod models;
mod queries;
mod requests;
mod weights;

/// A target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Inputs that reach deep into the parser.
    pub seeds: &'static [&'static [u8]],
}

const fn target(name: &'static str, run: fn(&[u8]), seeds: &'static [&'static [u8]]) -> Target {
    Target { name, run, seeds }
}

/// All targets, by the crate whose parser they feed.
pub const TARGETS: &[Target] = &[
    target("chat_request", models::chat_request, models::REQUESTS),
    target("event_stream", models::event_stream, models::STREAMS),
    target("stream_chunk", models::stream_chunk, models::CHUNKS),
    target("whole_answer", models::whole_answer, models::ANSWERS),
    target("verdict", models::verdict, models::VERDICTS),
    target("upstream_error", models::upstream_error, models::ERRORS),
    target("citations", models::citations, models::MARKS),
    target("messages_request", dialects::messages_request, dialects::MESSAGES),
    target("responses_request", dialects::responses_request, dialects::RESPONSES),
    target("provider_answer", dialects::provider_answer, dialects::ANSWERS),
    target("provider_stream", dialects::provider_stream, dialects::STREAMS),
    target("personal_data", dialects::personal_data, dialects::TEXTS),
    target("base_url", models::base_url, &[b"https://example.org/v1", b"http://[::1]:80/a?b#c"]),
    target("sentences", language::sentences, language::TEXTS),
    target("terms", language::terms, language::TEXTS),
    target("question", language::question, language::QUESTIONS),
    target("summary", language::summary, language::TEXTS),
    target("given_sources", language::given_sources, language::CONVERSATIONS),
    target("credentials", identity::credentials, identity::CREDENTIALS),
    target("ids", identity::ids, identity::IDS),
    target("query", queries::query, queries::QUERIES),
    target("backup", installation::backup, installation::BACKUPS),
    target("configuration", installation::configuration, installation::FILES),
    target("request", requests::request, requests::REQUESTS),
    target("detect", documents::detect, documents::HEADS),
    target("any_document", documents::any, documents::HEADS),
    target("docx", documents::docx, documents::DOCX),
    target("odt", documents::odt, documents::ODT),
    target("html", documents::html, documents::HTML),
    target("markdown", documents::markdown, documents::MARKDOWN),
    target("plain_text", documents::plain_text, documents::TEXT),
    target("pdf", documents::pdf, documents::PDF),
    target("gguf", weights::gguf, weights::HEADS),
    target("child_output", documents::child_output, documents::EVENTS),
];
