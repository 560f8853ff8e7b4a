//! AWS Bedrock's Converse interface.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

mod request;
mod response;
mod stream;

pub(crate) use request::{answer_tokens_unsaid, chat_call};
pub(crate) use response::chat_response;
pub(crate) use stream::StreamReader;
