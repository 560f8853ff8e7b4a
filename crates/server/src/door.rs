//! The door: everything between a connection and a route. Who calls, in which language, within
//! which bounds; and how refusals leave. Knows no routes.

pub(crate) mod assets;
pub(crate) mod caller;
pub(crate) mod codes;
pub(crate) mod cookie;
pub(crate) mod decode;
pub(crate) mod events;
pub(crate) mod form;
pub(crate) mod guard;
pub(crate) mod language;
pub(crate) mod observe;
pub(crate) mod paced;
pub(crate) mod problem;
pub(crate) mod time;

use std::net::IpAddr;

pub(crate) use caller::{Address, Caller, Reader, UserAgent};
pub(crate) use decode::{Id, Json, Query};
pub(crate) use problem::Problem;
pub(crate) use time::Time;

/// The address at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);
