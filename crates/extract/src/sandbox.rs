//! Takes away from the child process what reading a document does not need.
//!
//! Limits on memory, time and files hold everywhere; closing the file system and the network
//! needs a kernel with Landlock and is skipped without it.

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope,
};
use rlimit::{Resource, setrlimit};

use crate::limits::Limits;

/// Open files: standard streams, the document, and some air for the runtime.
const OPEN_FILES_MAX: u64 = 16;

/// Sets hard limits on the own process; they cannot be raised again.
pub(crate) fn limit_resources(limits: &Limits) -> io::Result<()> {
    let cpu = limits.cpu.as_secs().max(1);
    let bounds = [
        (Resource::AS, limits.memory_bytes),
        (Resource::CPU, cpu),
        (Resource::FSIZE, 0),
        (Resource::CORE, 0),
        (Resource::NOFILE, OPEN_FILES_MAX),
    ];
    for (resource, bound) in bounds {
        // A lower limit that somebody set before stays.
        let (_, hard) = rlimit::getrlimit(resource)?;
        let bound = bound.min(hard);
        setrlimit(resource, bound, bound)?;
    }
    Ok(())
}

/// Closes the file system and the network for this thread and all it starts.
pub(crate) fn close_world() -> Result<(), landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    Ok(())
}
