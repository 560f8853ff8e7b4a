//! The HTTP clients that calls go out by. A client keeps connections, and a connection lives on the
//! runtime that opened it: each runtime that makes calls gets a client of its own, so that no call
//! waits for another thread. Knows no routes.

use std::sync::{PoisonError, RwLock};

use tokio::runtime::{Handle, Id};

use crate::HttpClient;

/// Clients of one kind, each for one runtime. If there are more runtimes than clients, they share.
#[derive(Debug)]
pub struct Clients {
    clients: Vec<HttpClient>,
    /// The runtimes seen so far, in the order of their clients.
    runtimes: RwLock<Vec<Id>>,
}

impl Clients {
    /// Takes the clients, at least one.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn new(clients: Vec<HttpClient>) -> Self {
        assert!(!clients.is_empty(), "calls need a client");
        Self { clients, runtimes: RwLock::default() }
    }

    /// The client of the runtime that asks.
    pub(crate) fn here(&self) -> &HttpClient {
        let (count, first) = (self.clients.len(), &self.clients[0]);
        let Ok(runtime) = Handle::try_current().map(|handle| handle.id()) else { return first };
        if count == 1 {
            return first;
        }
        let seen = self.runtimes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = seen.iter().position(|seen| *seen == runtime) {
            return &self.clients[place];
        }
        drop(seen);
        self.first_call_of(runtime)
    }

    fn first_call_of(&self, runtime: Id) -> &HttpClient {
        let mut seen = self.runtimes.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread of the runtime may have been first.
        if let Some(place) = seen.iter().position(|seen| *seen == runtime) {
            return &self.clients[place];
        }
        if seen.len() == self.clients.len() {
            return &self.clients[0];
        }
        seen.push(runtime);
        &self.clients[seen.len() - 1]
    }
}

impl From<HttpClient> for Clients {
    fn from(client: HttpClient) -> Self {
        Self::new(vec![client])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpSettings;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
    }

    #[test]
    fn each_runtime_keeps_its_client_and_the_rest_share_the_first() {
        let client = || HttpClient::new(&HttpSettings::default()).expect("a client");
        let clients = Clients::new(vec![client(), client()]);
        let place = |clients: &Clients| {
            let here: *const _ = clients.here();
            clients.clients.iter().position(|client| std::ptr::eq(client, here))
        };
        let runtimes = [runtime(), runtime(), runtime()];
        for _ in 0..2 {
            let places = runtimes.each_ref().map(|own| own.block_on(async { place(&clients) }));
            assert_eq!(places, [Some(0), Some(1), Some(0)]);
        }
        assert_eq!(place(&clients), Some(0));
    }
}
