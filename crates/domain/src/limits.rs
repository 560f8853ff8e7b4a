//! Bounds that more than one crate must agree on. What happens at each stands next to it.

/// Longest name of a collection, conversation, key or person, in characters; beyond: refused.
pub const NAME_CHARS_MAX: usize = 200;
/// Longest name of a document, in characters; beyond: cut in the middle, the ending kept.
pub const DOCUMENT_NAME_CHARS_MAX: usize = 255;
/// Longest search query, in characters; beyond: refused.
pub const QUERY_CHARS_MAX: usize = 2_000;
/// Most hits of one search; beyond: refused.
pub const SEARCH_HITS_MAX: usize = 100;
/// Most items of a list in one answer; beyond: refused.
pub const PART_ITEMS_MAX: u32 = 100;
/// Most collections or documents named in one request; beyond: refused.
pub const NAMED_IDS_MAX: usize = 100;
/// Longest question or message a person sends, in characters; beyond: refused.
pub const MESSAGE_CHARS_MAX: usize = 100_000;
/// Shortest password, in characters (BSI ORP.4, NIST SP 800-63B section 3.1.1); below: refused.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in characters; beyond: refused, so that hashing stays cheap.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Longest passage, in characters; extraction cuts longer ones at the end of a sentence.
pub const PASSAGE_CHARS_MAX: usize = 2_000;
