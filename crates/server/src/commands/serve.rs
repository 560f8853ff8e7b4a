//! `fachwerk serve`: from a configuration to a running platform, top to bottom, and down again.

use std::{net::SocketAddr, time::Duration};

use app::App;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use super::{Failure, Outcome, load, own_path, print, runtime};
use crate::{
    cli,
    config::{Config, Overrides},
    platform::{Platform, Role},
    telemetry::{self, Records},
    wiring::explain,
};

/// Time for threads to end by themselves, when everything else has stopped.
const THREADS_TIME: Duration = Duration::from_secs(1);

pub(super) fn serve(asked: &cli::Serve) -> Outcome {
    let config = load(&asked.overrides())?;
    let records = telemetry::start_log(&config.log, config.telemetry.as_ref());
    let role = match asked.role {
        cli::Role::All => Role::All,
        cli::Role::Api => Role::Api,
        cli::Role::Worker => Role::Worker,
    };
    let runtime = runtime()?;
    let outcome = runtime.block_on(run(config, records, &asked.overrides(), role));
    // A thread that still reads a document would hold the process for as long as it reads.
    runtime.shutdown_timeout(THREADS_TIME);
    outcome
}

async fn run(
    config: Config,
    records: Option<Records>,
    overrides: &Overrides,
    role: Role,
) -> Outcome {
    let stop = stop_on_signal()?;
    warn_of_doubts(&config);
    let mut hangup = signal(SignalKind::hangup())
        .map_err(|error| explain("signals cannot be received", &error))?;
    let mut platform = Platform::open(config.clone(), role, own_path()?).await?;
    if let Some(settings) = config.telemetry.clone() {
        platform.start_export(settings, records)?;
    }
    let reloading = async {
        while hangup.recv().await.is_some() {
            reload(&platform, overrides, &config).await;
        }
    };
    tokio::select! {
        // Ends with the process.
        () = reloading => {}
        outcome = work(&config, &platform, role, stop) => outcome?,
    }
    platform.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Reads the configuration anew and takes over its models. With a mistake in it, everything stays.
/// `started` is what the process began with: what else differs from it is said.
async fn reload(platform: &Platform, overrides: &Overrides, started: &Config) {
    let read = match load(overrides) {
        Ok(config) => {
            warn_of_doubts(&config);
            let changed = started.given.need_restart(&config.given).join(", ");
            if !changed.is_empty() {
                tracing::warn!(
                    settings = changed,
                    "settings changed that only a restart takes over"
                );
            }
            platform.replace_models(&config).await
        }
        Err(failure) => Err(failure),
    };
    match read {
        Ok(()) => tracing::info!("the models were read anew"),
        Err(failure) => {
            tracing::error!(error.causes = %failure, "the models stay as they were");
        }
    }
}

fn warn_of_doubts(config: &Config) {
    for doubt in config.doubts() {
        tracing::warn!("{doubt}");
    }
}

async fn work(
    config: &Config,
    platform: &Platform,
    role: Role,
    stop: CancellationToken,
) -> Outcome {
    if role == Role::Worker {
        platform.start_work().await?;
        print("Fachwerk works through jobs.\n")?;
        stop.cancelled().await;
        platform.stop().await;
    } else {
        // Bound before work is taken up: a wrong address is reported at once.
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            Failure::other(format!("cannot listen on {}: {error}", config.listen))
        })?;
        let address = listener.local_addr().map_err(Failure::other)?;
        platform.start_work().await?;
        greet(config, address, platform.app()).await?;
        platform.serve(listener, stop).await;
    }
    Ok(())
}

/// Says where the platform is and, as long as nobody has set it up, how to.
async fn greet(config: &Config, address: SocketAddr, app: &App) -> Outcome {
    let place = place(config, address);
    tracing::info!(listen.address = %address, "ready");
    print(&format!("Fachwerk: {place}\n"))?;
    if app.get_setup().await? {
        let token = app.issue_setup_token().await?;
        print(&setup_link(&place, token.reveal()))?;
    }
    Ok(())
}

/// The address people type.
pub(super) fn place(config: &Config, address: SocketAddr) -> String {
    match &config.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        // What listens everywhere is reached here by loopback.
        None if address.ip().is_unspecified() => format!("http://127.0.0.1:{}", address.port()),
        None => format!("http://{address}"),
    }
}

/// The set-up link. The token stands behind `#`, where no server and no log ever sees it.
pub(super) fn setup_link(place: &str, token: &str) -> String {
    format!("Set-up link, good once and for 24 hours:\n{place}/setup#token={token}\n")
}

/// A token that falls with the first SIGTERM or SIGINT.
fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let failed = |error: std::io::Error| explain("signals cannot be received", &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let stop = CancellationToken::new();
    let falls = stop.clone();
    let waiting = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        falls.cancel();
    };
    // Lives as long as the process and holds nothing.
    tokio_util::task::TaskTracker::new().spawn(waiting);
    Ok(stop)
}
