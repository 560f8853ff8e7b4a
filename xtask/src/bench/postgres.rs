//! A PostgreSQL server for one bench: in a folder of its own, on a free port, ended with the value. It
//! writes to disk as an installed one does.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::installation::free_address;
use super::spawned::Spawned;
use crate::failure::{Failure, Outcome};
use crate::{debian, shell};

/// A server that is not ready by then has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    url: String,
    _server: Spawned,
}

impl Postgres {
    /// Makes an empty database and starts its server.
    pub fn start() -> Outcome<Self> {
        debian::install(&[debian::POSTGRESQL])?;
        let programs = programs()?;
        // Below the folder for temporary files, where the unprivileged user of the server may be.
        let name = format!("fachwerk-bench-postgres-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
        if is_root() {
            let mut give = Command::new("chown");
            shell::run(give.arg("nobody").arg(&folder), "Is there a user `nobody`?")?;
        }
        let data = folder.join("data");
        let mut make = unprivileged(&programs.join("initdb"));
        make.args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--username=fachwerk"]);
        make.arg("-D").arg(&data).stdout(Stdio::null()).current_dir(&folder);
        shell::run(&mut make, "Read what initdb said.")?;
        let address = free_address()?;
        let port = address.rsplit(':').next().unwrap_or_default();
        let mut serve = unprivileged(&programs.join("postgres"));
        serve.arg("-D").arg(&data).args(["-p", port, "-k", ""]).current_dir(&folder);
        serve.args(["-c", "listen_addresses=127.0.0.1"]);
        let server = Spawned::start(&mut serve)?;
        let url = format!("postgres://fachwerk@{address}/postgres");
        let started = Instant::now();
        let mut ready = Command::new(programs.join("pg_isready"));
        ready.args(["--quiet", "--host", "127.0.0.1", "--port", port]);
        while !shell::succeeds(&mut ready) {
            if started.elapsed() > PATIENCE {
                let what = format!("PostgreSQL was not ready after {} s", PATIENCE.as_secs());
                return Err(Failure::new(what, "Start it by hand in an empty folder."));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(Self { folder, url, _server: server })
    }

    /// How the program reaches it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What it still writes while it ends is gone with the folder; a rest is below /tmp.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The folder with the server's programs: the newest of Debian's.
fn programs() -> Outcome<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let newest = folders.filter(|folder| folder.join("initdb").is_file()).max();
    newest.ok_or_else(|| {
        Failure::new("the programs of PostgreSQL are not found", "apt-get install postgresql")
    })
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(program);
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
}
