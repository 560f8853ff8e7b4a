//! Documents to passages: text with heading path and place on the page.
//!
//! Reads PDF, DOCX, ODT, HTML, Markdown and plain text. The reading itself happens in a child
//! process with limits on time, memory and files, so that a hostile or broken document harms
//! nothing but itself: [`extract_in_child`] is the parent's side, [`run_child`] the child's. What is
//! surely no document is seen before, by the bounded [`inspect`].
//! Knows no storage, no index, no users and no network.

mod archive;
mod block;
mod child;
mod clean;
mod decode;
mod detect;
mod document;
mod docx;
mod event;
mod failure;
mod flow;
mod html;
mod inspect;
mod legal;
mod limits;
mod markdown;
mod numbering;
mod odt;
mod outline;
mod parent;
mod passage;
mod passages;
mod pdf;
mod plain;
mod sandbox;
mod xml;

pub use child::{CHILD_COMMAND, run_child};
pub use detect::{Format, HEAD_BYTES, detect};
pub use document::read_unprotected;
pub use event::Event;
pub use failure::Failure;
pub use inspect::inspect;
pub use limits::Limits;
pub use parent::{Reader, Summary, extract_in_child, read_child_output};
pub use passage::{PageBox, Passage, PassageKind};
