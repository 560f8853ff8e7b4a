//! OpenAI's Responses interface, as clients speak it to us: `/v1/responses`.
//! <https://platform.openai.com/docs/api-reference/responses>
//!
//! Stateless: nothing is stored, so a client sends the whole conversation each time. What needs a
//! memory (`previous_response_id`, `store`, `background`) or tools of OpenAI's own is refused by name.

mod answer;
mod content;
mod events;
mod inbound;
mod items;
mod output;

pub use answer::response;
pub use events::{Events, OUTPUT_BYTES_MAX};
pub use inbound::{Echo, Request, parse};
