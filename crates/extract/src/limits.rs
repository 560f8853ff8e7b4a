//! How much one document may cost. Everything beyond becomes a [`Failure`](crate::Failure).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Bounds of one extraction; what happens at each stands next to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Wall-clock time of the child; beyond: killed, `TimedOut`.
    pub wall: Duration,
    /// Processor time of the child; beyond: ended by the kernel, `TimedOut`.
    pub cpu: Duration,
    /// Address space of the child; beyond: allocation fails, `OutOfMemory`.
    pub memory_bytes: u64,
    /// Pages of a document; beyond: `TooLarge`.
    pub pages_max: u32,
    /// Passages of a document; beyond: `TooLarge`.
    pub passages_max: u32,
    /// Unpacked bytes of all members read from a zip container; beyond: `TooLarge`.
    pub unpacked_bytes_max: u64,
    /// Bytes of output the child may write; beyond: killed, `TooLarge`.
    pub output_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(120),
            cpu: Duration::from_secs(180),
            // Address space, not resident memory: two threads reserve 64 MiB of heap each
            // before they use any of it, and a 200 MB file is held twice by the PDF reader.
            memory_bytes: 1536 << 20,
            pages_max: 5_000,
            passages_max: 200_000,
            unpacked_bytes_max: 512 << 20,
            output_bytes_max: 512 << 20,
        }
    }
}
