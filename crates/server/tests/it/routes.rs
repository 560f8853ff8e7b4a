//! Each route: how it goes well, and how it refuses the anonymous, the wrong person, the wrong input.

mod account;
mod administration;
mod browser;
mod collections;
mod conversations;
mod documents;
