//! The platform in one value: opened, served, worked, stopped.

use std::{fs::File, path::PathBuf, sync::Arc, time::Duration};

use app::App;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    commands::Failure,
    config::{Config, Telemetry},
    front::{self, Front},
    listen::{self, Lanes},
    telemetry::{self, Exporter, Measurements, Readings, Records},
    wiring::{self, House},
};

/// Time for watchers to be told how their run ended, after the runs themselves were ended.
const FAREWELL: Duration = Duration::from_secs(3);

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Answers requests and works through jobs.
    All,
    /// Answers requests only.
    Api,
    /// Works through jobs only.
    Worker,
}

impl Role {
    fn index(self) -> search::Role {
        match self {
            Self::All | Self::Worker => search::Role::Writer,
            Self::Api => search::Role::Reader,
        }
    }
}

/// An opened installation.
pub struct Platform {
    config: Config,
    role: Role,
    house: House,
    measurements: Measurements,
    tasks: TaskTracker,
    /// What requests are answered on, with the answers that go on after their caller is gone.
    lanes: Lanes,
    /// The export to a collector, and what ends it.
    export: Option<(TaskTracker, CancellationToken)>,
    /// Held for as long as the process lives.
    _lock: File,
}

impl Platform {
    /// Opens the installation. `extract_program` reads documents as a child process: this program
    /// itself.
    ///
    /// # Errors
    /// What is in the way, in words for the operator.
    pub async fn open(
        config: Config,
        role: Role,
        extract_program: PathBuf,
    ) -> Result<Self, Failure> {
        let measurements = Measurements::install();
        wiring::make_data_folder(&config.data)?;
        let lock = wiring::lock_data_folder(&config.data, role == Role::All)?;
        let house = wiring::build(&config, role.index(), extract_program).await?;
        let lanes = Lanes::start()
            .map_err(|error| wiring::explain("the program cannot start its threads", &error))?;
        house.gateway.start_health_checks();
        let (tasks, export) = (TaskTracker::new(), None);
        Ok(Self { config, role, house, measurements, tasks, lanes, export, _lock: lock })
    }

    /// The use cases.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.house.app
    }

    /// Takes over the models of a configuration that was read anew, and nothing else of it. Running
    /// answers are not disturbed.
    ///
    /// # Errors
    /// If the models do not fit together or the database fails; then the present ones stay.
    pub async fn replace_models(&self, config: &Config) -> Result<(), Failure> {
        wiring::catalogue(config)?;
        self.house.models.replace(config);
        let failed = |error: app::Error| wiring::explain("the models cannot be read", &error);
        self.house.app.load_catalogue().await.map_err(failed)
    }

    /// All routes with the layers around them.
    pub fn router(&self) -> Router {
        front::router(Front::new(self.readings(), &self.config))
    }

    fn readings(&self) -> Readings {
        Readings {
            app: Arc::clone(&self.house.app),
            store: self.house.store.clone(),
            measurements: self.measurements.clone(),
        }
    }

    /// Exports what is recorded and measured until the platform is closed.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub(crate) fn start_export(
        &mut self,
        settings: Telemetry,
        records: Option<Records>,
    ) -> Result<(), Failure> {
        let (client, stop) = (wiring::client(&self.config.outbound)?, CancellationToken::new());
        let exporter = Exporter::new(client, settings, self.readings(), stop.clone());
        let tasks = TaskTracker::new();
        tasks.spawn(exporter.run(records.unwrap_or_else(telemetry::no_records)));
        tasks.close();
        self.export = Some((tasks, stop));
        Ok(())
    }

    /// Ends what a killed process left behind, and starts working through jobs if that is the role.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn start_work(&self) -> Result<(), Failure> {
        // With a lock of its own and a file as database, nobody else can be at work.
        let is_alone = self.role == Role::All && self.house.is_embedded();
        let failed = |error: app::Error| wiring::explain("the work cannot be taken up", &error);
        self.house.app.end_abandoned_runs(is_alone).await.map_err(failed)?;
        self.house.app.load_limits().await.map_err(failed)?;
        let app = Arc::clone(&self.house.app);
        self.tasks.spawn(async move { app.keep_limits().await });
        let app = Arc::clone(&self.house.app);
        self.tasks.spawn(async move { app.keep_ledger().await });
        let app = Arc::clone(&self.house.app);
        self.tasks.spawn(async move { app.keep_catalogue().await });
        if self.role == Role::Api {
            return Ok(());
        }
        let (app, stale) = (Arc::clone(&self.house.app), self.house.index_is_stale);
        self.tasks.spawn(async move { app.run_worker(stale, is_alone).await });
        Ok(())
    }

    /// Answers requests on `listener` until `stop`; then lets running answers end within the
    /// configured time, and stops the work.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        let ending = async {
            stop.cancelled().await;
            self.stop().await;
        };
        let limits = &self.config.limits;
        let bounds = listen::Bounds {
            connections: limits.connections,
            per_address: limits.connections_per_address,
            trusted_proxy: self.config.trusted_proxy,
            header: limits.header,
            unread: limits.body_idle,
            deadline: limits.shutdown + FAREWELL,
        };
        let listening = listen::serve(listener, self.router(), &self.lanes, bounds, stop.clone());
        tokio::join!(ending, listening);
    }

    /// Takes on no more work, and lets what is running end within the configured time.
    pub async fn stop(&self) {
        self.house.app.stop(self.config.limits.shutdown).await;
    }

    /// Closes the database, once the work is stopped. What still holds on to it is let go of: its
    /// lease ends, and the next start takes it up again.
    pub async fn close(self) {
        self.tasks.close();
        // Requests that ended after the work was stopped may have left audit entries to write.
        let working = async { tokio::join!(self.tasks.wait(), self.house.app.finish_tasks()) };
        if tokio::time::timeout(FAREWELL, working).await.is_err() {
            tracing::warn!("some work did not stop in time and will be taken up at the next start");
        }
        let closing = async {
            if let Err(error) = self.house.app.settle_ledger().await {
                let causes = wiring::explain("", &error).to_string();
                tracing::warn!(
                    error.causes = causes,
                    "what calls have used waits for the next start"
                );
            }
            self.house.app.release_limits().await;
            self.house.store.close().await;
        };
        if tokio::time::timeout(FAREWELL, closing).await.is_err() {
            tracing::warn!("the database was not closed in time");
        }
        if let Some((tasks, stop)) = self.export {
            stop.cancel();
            if tokio::time::timeout(FAREWELL, tasks.wait()).await.is_err() {
                tracing::warn!("the last telemetry did not reach the collector in time");
            }
        }
    }
}
