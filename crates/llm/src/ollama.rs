//! Ollama's own `/api/chat`. <https://docs.ollama.com/api/chat>

mod request;
mod response;

pub(crate) use request::chat_call;
pub(crate) use response::{StreamReader, chat_response};
