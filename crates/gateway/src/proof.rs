//! How a call proves who makes it, where a key in a header is not enough: a signature over the call,
//! or a token that a key is exchanged for.

mod aws;
mod google;

pub use aws::AwsKeys;
pub use google::{ServiceAccount, ServiceAccountError};
