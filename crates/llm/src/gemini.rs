//! Google's `generateContent`, on the Gemini interface and on Vertex: the same bodies under other
//! paths. <https://ai.google.dev/api/generate-content>

mod request;
mod response;
mod stream;

pub(crate) use request::{chat_call, prefix};
pub(crate) use response::chat_response;
pub(crate) use stream::StreamReader;
