//! Reading something anew after a change, for many who change it at the same time: one reading serves all
//! whose change was there before it began.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// Readings of one thing, never two at a time; `T` is what they leave for the next.
#[derive(Debug, Default)]
pub(crate) struct Renewal<T> {
    /// How many have asked.
    asked: AtomicU64,
    done: Mutex<Done<T>>,
}

#[derive(Debug, Default)]
struct Done<T> {
    /// So many of those who asked were served.
    served: u64,
    kept: T,
}

impl<T> Renewal<T> {
    /// Returns after a reading that began after this call. Those who ask while one is under way share the
    /// next.
    ///
    /// # Errors
    /// That of the reading; whoever waits tries it for themselves.
    pub(crate) async fn after_change<E>(
        &self,
        read: impl AsyncFnOnce(&mut T) -> Result<(), E>,
    ) -> Result<(), E> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut done = self.done.lock().await;
        if done.served >= turn {
            return Ok(());
        }
        let serves = self.asked.load(Ordering::SeqCst);
        read(&mut done.kept).await?;
        done.served = serves;
        Ok(())
    }

    /// Looks at what the last reading left, after one that is under way.
    pub(crate) async fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.done.lock().await.kept)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;
    use tokio_util::task::TaskTracker;

    use super::*;

    #[tokio::test]
    async fn those_who_come_during_a_reading_share_the_next() {
        let (renewal, gate) = (Arc::new(Renewal::<u64>::default()), Arc::new(Notify::new()));
        let tasks = TaskTracker::new();
        let ask = || {
            let (renewal, gate) = (Arc::clone(&renewal), Arc::clone(&gate));
            tasks.spawn(async move {
                let read = async |count: &mut u64| {
                    *count += 1;
                    gate.notified().await;
                    Ok::<(), ()>(())
                };
                renewal.after_change(read).await
            })
        };
        let first = ask();
        tokio::task::yield_now().await;
        let others: Vec<_> = (0..50).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        gate.notify_one();
        first.await.unwrap().unwrap();
        assert!(others.iter().all(|other| !other.is_finished()), "it began before they came");
        gate.notify_one();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(renewal.look(|count| *count).await, 2);
    }

    #[tokio::test]
    async fn a_reading_that_fails_serves_nobody() {
        let renewal = Renewal::<u64>::default();
        assert_eq!(renewal.after_change(async |_| Err(1)).await, Err(1));
        let read = async |count: &mut u64| {
            *count += 1;
            Ok::<(), i32>(())
        };
        assert_eq!(renewal.after_change(read).await, Ok(()));
        assert_eq!(renewal.look(|count| *count).await, 1);
    }
}
