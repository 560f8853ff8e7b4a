//! Asks servers now and then whether they are well, without a model call. The tasks belong to the
//! gateway and end with it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::Uri;
use rand::RngExt as _;
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

use crate::{HealthCheck, HttpClient, RouteKind, model_state::RouteState, snapshot::Snapshot};

/// The longest time for a check; after it the server counts as unwell.
const CHECK_MAX: Duration = Duration::from_secs(5);
/// How much longer or shorter than set a pause may be, so that checks do not fall together.
const JITTER: f64 = 0.1;

/// Running checks. Dropped, they end.
#[derive(Debug, Default)]
pub(crate) struct HealthChecks {
    tasks: JoinSet<()>,
    /// By the address of what is remembered of the route, which the task holds.
    running: HashMap<usize, AbortHandle>,
}

impl HealthChecks {
    /// Starts one task for each route that is to be checked and is not yet, and ends those of the others.
    pub(crate) fn follow(&mut self, client: &HttpClient, snapshot: &Snapshot) {
        let mut before = std::mem::take(&mut self.running);
        for (model, state) in snapshot.entries() {
            for (route, slot) in model.routes.iter().zip(&state.routes) {
                let (Some(check), RouteKind::Server(server)) = (&route.health_check, &route.kind)
                else {
                    continue;
                };
                let Some(uri) = server.base_url.on_host(&check.path) else { continue };
                // What is remembered is another's as soon as the server or the check is another.
                let known = Arc::as_ptr(&slot.state) as usize;
                let task = before.remove(&known).unwrap_or_else(|| {
                    let route = Arc::clone(&slot.state);
                    self.tasks.spawn(watch(client.clone(), uri, check.clone(), route))
                });
                self.running.insert(known, task);
            }
        }
        before.into_values().for_each(|task| task.abort());
        while self.tasks.try_join_next().is_some() {}
    }
}

async fn watch(client: HttpClient, uri: Uri, check: HealthCheck, route: Arc<RouteState>) {
    // Not all at the moment of the start.
    let mut pause = check.interval.mul_f64(rand::rng().random_range(0.0..=1.0));
    loop {
        sleep(pause).await;
        let asked = timeout(CHECK_MAX, client.get(uri.clone())).await;
        let is_well = matches!(asked, Ok(Ok(status)) if status.is_success());
        let changed = route.health().checked(is_well, Instant::now());
        if !is_well {
            route.set_last_error("health_check".to_owned());
        }
        if changed {
            tracing::warn!(is_well, server = uri.host(), "the health of a model route changed");
        }
        pause = check.interval.mul_f64(rand::rng().random_range(1.0 - JITTER..=1.0 + JITTER));
    }
}
