//! Where calls wait when all places of a model are taken: bounded, fair, and with a time to come back
//! that follows from how fast the line moves.

mod fair;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

use fair::Fair;
pub use fair::{Caller, Share};

use crate::{GatewayError, QueueLimits, health::Window, lease::Lease, model_state::ModelState};

/// How long the speed of the line is remembered.
const SPEED_WINDOW: Duration = Duration::from_secs(60);
/// What is said where nothing is known about the speed.
const RETRY_AFTER_UNKNOWN: Duration = Duration::from_secs(5);
/// The least and the most that is said.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(120);

/// The line before one model.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Read without the lock on each release of a place.
    waiting: AtomicUsize,
    line: Mutex<Line>,
}

#[derive(Debug)]
struct Line {
    fair: Fair<Waiter>,
    next_number: u64,
    /// Places that became free lately.
    released: Window,
}

/// A call that waits, and the routes it would take, best first.
#[derive(Debug)]
struct Waiter {
    model: Arc<ModelState>,
    routes: Vec<usize>,
    /// When it gives up.
    until: Instant,
    reply: oneshot::Sender<Result<Lease, GatewayError>>,
}

impl Waiter {
    fn could_go_on(&self) -> bool {
        self.routes.iter().any(|index| self.model.routes[*index].has_room())
    }

    fn take_place(&self) -> Option<Lease> {
        self.routes.iter().find_map(|index| Lease::enter(&self.model, *index))
    }
}

/// A place in the line. Dropped, it is given up.
#[derive(Debug)]
pub(crate) struct Ticket {
    queue: Arc<Queue>,
    caller: Caller,
    number: u64,
    receive: oneshot::Receiver<Result<Lease, GatewayError>>,
}

impl Queue {
    pub(crate) fn new(now: Instant) -> Self {
        let released = Window::new(SPEED_WINDOW, now);
        Self {
            waiting: AtomicUsize::new(0),
            line: Mutex::new(Line { fair: Fair::new(), next_number: 0, released }),
        }
    }

    /// How many calls wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Stands in line for a place on one of `routes`. `cost` is in tokens.
    ///
    /// # Errors
    /// If the line is full and nobody stands in it more often than this caller.
    pub(crate) fn join(
        self: &Arc<Self>,
        caller: Caller,
        cost: u64,
        model: &Arc<ModelState>,
        routes: Vec<usize>,
        limits: QueueLimits,
    ) -> Result<Ticket, GatewayError> {
        let (reply, receive) = oneshot::channel();
        let until = Instant::now() + limits.wait_max;
        let waiter = Waiter { model: Arc::clone(model), routes, until, reply };
        let mut line = self.line();
        // Whoever could use a free place was served before: no need to wait behind those who cannot.
        if line.fair.len() >= limits.length_max
            && let Some(lease) = waiter.take_place()
        {
            drop(line);
            let _ = waiter.reply.send(Ok(lease));
            return Ok(Ticket { queue: Arc::clone(self), caller, number: u64::MAX, receive });
        }
        let evicted = match line.make_room(caller, limits) {
            Ok(evicted) => evicted,
            Err(Crowding { by_oneself }) => {
                let retry_after = Some(line.retry_after(Instant::now()));
                return Err(refused(by_oneself, retry_after));
            }
        };
        if line.fair.len() == 0 {
            // The speed of the line is that since it formed.
            line.released.clear(Instant::now());
        }
        let number = line.next_number;
        line.next_number += 1;
        line.fair.push(caller, number, cost, waiter);
        self.waiting.store(line.fair.len(), Ordering::SeqCst);
        let retry_after = Some(line.retry_after(Instant::now()));
        drop(line);
        if let Some(evicted) = evicted {
            let _ = evicted.reply.send(Err(refused(true, retry_after)));
        }
        // A place may have become free before this call stood in line.
        self.serve();
        Ok(Ticket { queue: Arc::clone(self), caller, number, receive })
    }

    /// A place became free.
    pub(crate) fn released(&self) {
        if self.len() > 0 {
            self.line().released.add_good(Instant::now());
            self.serve();
        }
    }

    /// When somebody who comes now may hope for a place.
    pub(crate) fn retry_after(&self) -> Duration {
        self.line().retry_after(Instant::now())
    }

    /// Hands free places to those whose turn it is.
    fn serve(&self) {
        let mut served = Vec::new();
        {
            let mut line = self.line();
            while let Some(one) = line.fair.next(Waiter::could_go_on, Waiter::take_place) {
                served.push(one);
            }
            self.waiting.store(line.fair.len(), Ordering::SeqCst);
        }
        // Outside of the lock: whoever is gone gives the place back, which serves the next.
        for (waiter, lease) in served {
            let _ = waiter.reply.send(Ok(lease));
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Every step leaves the line whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no room.
struct Crowding {
    /// Whether others wait too, and this caller has the most.
    by_oneself: bool,
}

impl Line {
    /// Makes room for one call more, by sending away the last of whoever has the most if need be.
    fn make_room(
        &mut self,
        caller: Caller,
        limits: QueueLimits,
    ) -> Result<Option<Waiter>, Crowding> {
        if self.fair.len() < limits.length_max {
            return Ok(None);
        }
        if let Some(evicted) = self.fair.evict(caller) {
            return Ok(Some(evicted));
        }
        let own = self.fair.len_of(caller) > 0;
        let others = self.fair.callers() - usize::from(own);
        Err(Crowding { by_oneself: others > 0 && own })
    }

    fn retry_after(&mut self, now: Instant) -> Duration {
        let released = self.released.read(now).good;
        if released == 0 {
            return RETRY_AFTER_UNKNOWN;
        }
        let each = self.released.span(now).as_secs_f64() / f64::from(released);
        let mut left: Vec<f64> = Vec::with_capacity(self.fair.len());
        self.fair.each(&mut |waiter| {
            left.push(waiter.until.saturating_duration_since(now).as_secs_f64());
        });
        Duration::from_secs_f64(until_turn(each, left)).clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
    }
}

/// When the turn is of somebody who comes now, in seconds, where a place becomes free after `each` and those
/// who wait have so long `left`: whoever gives up before their turn holds up nobody.
fn until_turn(each: f64, mut left: Vec<f64>) -> f64 {
    left.sort_by(f64::total_cmp);
    left.into_iter().fold(each, |turn, left| if left < turn { turn } else { turn + each })
}

fn refused(by_oneself: bool, retry_after: Option<Duration>) -> GatewayError {
    if by_oneself {
        GatewayError::Crowded { retry_after }
    } else {
        GatewayError::Overloaded { retry_after }
    }
}

impl Ticket {
    /// Whether it is for this line.
    pub(crate) fn is_for(&self, queue: &Arc<Queue>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// Changes the routes that the call would take, and looks whether one of them is free.
    pub(crate) fn look_again(&self, model: &Arc<ModelState>, routes: Vec<usize>) {
        if let Some(waiter) = self.queue.line().fair.get_mut(self.caller, self.number) {
            waiter.model = Arc::clone(model);
            waiter.routes = routes;
        }
        self.queue.serve();
    }

    /// Waits for a place, at most for so long; `None` if there was none until then. Cancel-safe.
    pub(crate) async fn wait(&mut self, longest: Duration) -> Option<Result<Lease, GatewayError>> {
        match timeout(longest, &mut self.receive).await {
            Ok(Ok(granted)) => Some(granted),
            // The line lives as long as the ticket, so a lost reply means that it was served.
            Ok(Err(_)) => Some(Err(GatewayError::Overloaded { retry_after: None })),
            Err(_) => None,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut line = self.queue.line();
        let left = line.fair.remove(self.caller, self.number);
        self.queue.waiting.store(line.fair.len(), Ordering::SeqCst);
        drop(line);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_those_who_give_up() {
        let turn = |left: &[f64]| until_turn(2.0, left.to_vec());
        assert_eq!(turn(&[]), 2.0);
        assert_eq!(turn(&[30.0, 30.0, 30.0]), 8.0);
        // All three leave at this moment, as they came.
        assert_eq!(turn(&[0.0, 0.01, 0.0]), 2.0);
        assert_eq!(turn(&[3.0, 3.0, 3.0, 100.0]), 6.0);
    }
}
