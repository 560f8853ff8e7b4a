//! The same beginning of a conversation goes to the same route, whose cache then knows it already.

use llm::{ChatRequest, Role};

use super::dice::{fraction, mix};

/// How much of each message counts, in bytes: enough to tell conversations apart, and little enough
/// to cost nothing.
const MESSAGE_BYTES_MAX: usize = 4 << 10;
/// How many messages count at most.
const MESSAGES_MAX: usize = 8;

/// A number for the beginning of a conversation: everything up to the first question. It stays the
/// same while the conversation grows, and is the same in every process.
#[must_use]
pub fn prefix(request: &ChatRequest) -> u64 {
    let mut hash = Fnv::new();
    for message in request.messages().iter().take(MESSAGES_MAX) {
        let text = message.text();
        hash.add(message.role().code().as_bytes());
        hash.add(&text.len().to_le_bytes());
        hash.add(&text.as_bytes()[..text.len().min(MESSAGE_BYTES_MAX)]);
        if message.role() == Role::User {
            break;
        }
    }
    hash.0
}

/// How much a route wants a conversation; the lowest wins. Weighted rendezvous hashing (Thaler and
/// Ravishankar, "A name-based mapping scheme for rendezvous", 1996, with the logarithmic weights of
/// Schindelhauer and Schomaker, 2005): a route that goes or comes moves only its own conversations.
pub(super) fn distance(prefix: u64, route: &str, weight: f64) -> f64 {
    let mut hash = Fnv::new();
    hash.add(route.as_bytes());
    -fraction(mix(mix(prefix) ^ hash.0)).ln() / weight
}

/// FNV-1a in 64 bits: short, the same everywhere, and no defence against anybody, which nothing here
/// needs.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
