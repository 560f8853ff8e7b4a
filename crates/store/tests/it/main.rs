//! What the store promises, checked on both engines.

#![allow(clippy::unwrap_used, reason = "a test that meets a surprise should fail")]
#![allow(clippy::print_stdout, reason = "measurements, and a child that reports to its parent")]

mod answers;
mod audit;
mod backup;
mod blobs;
mod collections;
mod conversations;
mod documents;
mod figures;
mod formats;
mod jobs;
mod kill;
mod ledger;
mod limits;
mod passages;
mod people;
mod scans;
mod schema;
mod transfer;
mod world;

/// Runs each of the named tests on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::world::World::sqlite().await).await;
            } )*
        }
        mod postgres {
            $( #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::world::World::postgres().await).await;
            } )*
        }
    };
}
pub(crate) use on_both_engines;
