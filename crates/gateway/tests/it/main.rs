//! The gateway against model servers on real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests may fail loudly and spawn freely"
)]

mod built_in;
mod calls;
mod clearance;
mod dialects;
mod errors;
mod failures;
mod hedging;
mod hostile;
mod limits;
mod local;
mod measuring;
mod proofs;
mod proxies;
mod resilience;
mod routing;
mod setup;
mod waiting;
