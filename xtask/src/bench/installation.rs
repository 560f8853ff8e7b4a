//! A fresh installation of the program for one bench: its folder, its process, an administrator and
//! a key.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::http::Client;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// A program that is not ready by then has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a stop may take before the program is ended without mercy.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
/// The password of the accounts, which live on the loopback interface for some minutes.
pub const PASSWORD: &str = "bench password, of no use elsewhere";

/// An installation, running or not. The process ends with the value.
#[derive(Debug)]
pub struct Installation {
    program: PathBuf,
    folder: PathBuf,
    address: String,
    role: &'static str,
    child: Option<Child>,
}

impl Installation {
    /// Makes an empty folder below cargo's target folder. `config` is the whole `fachwerk.toml`.
    pub fn fresh(place: &Place, program: &Path, name: &str, config: &str) -> Outcome<Self> {
        let folder = place.target.join("bench").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|e| Failure::file("remove", &folder, &e))?;
        }
        fs::create_dir_all(&folder).map_err(|e| Failure::file("create", &folder, &e))?;
        let file = folder.join("fachwerk.toml");
        fs::write(&file, config).map_err(|e| Failure::file("write", &file, &e))?;
        let address = free_address()?;
        Ok(Self { program: program.to_owned(), folder, address, role: "all", child: None })
    }

    /// Another process of the same installation, not yet running; it does only what its role says.
    pub fn beside(&self, role: &'static str) -> Outcome<Self> {
        let (program, folder) = (self.program.clone(), self.folder.clone());
        Ok(Self { program, folder, address: free_address()?, role, child: None })
    }

    /// The folder of this bench; what lies in it is kept until the next run.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the program and waits until it is ready; returns how long that took.
    pub fn start(&mut self) -> Outcome<Duration> {
        let log = self.folder.join("log.txt");
        let log = File::options().create(true).append(true).open(&log);
        let log = log.map_err(|e| Failure::file("write", &self.folder, &e))?;
        let started = Instant::now();
        let child = self
            .command(&["serve", "--listen", &self.address, "--role", self.role])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| Failure::file("start", &self.program, &error))?;
        let child = self.child.insert(child);
        let client = Client::new(&self.address, "");
        while started.elapsed() < PATIENCE {
            if client.get("/readyz").is_ok_and(|answer| answer.status == 200) {
                return Ok(started.elapsed());
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(self.failed(&format!("ended instead of becoming ready ({status})")));
            }
            sleep(Duration::from_millis(2));
        }
        Err(self.failed(&format!("was not ready after {} s", PATIENCE.as_secs())))
    }

    /// Makes an administrator of this name and a key, by the command line, and returns a client
    /// with it.
    pub fn client(&self, name: &str) -> Outcome<Client> {
        let email = format!("{name}@example.org");
        let mut command = self.command(&["admin", "create-user", "--email", &email]);
        command.args(["--name", name, "--role", "admin", "--password-stdin"]);
        self.run_with_input(&mut command, PASSWORD)?;
        let mut command = self.command(&["admin", "create-key", "--email", &email]);
        let key = self.run_with_input(&mut command, "")?;
        Ok(Client::new(&self.address, key.trim()))
    }

    /// The address of a path of the running program.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Runs `fachwerk audit verify`; an error tells what it said.
    pub fn verify_audit(&self) -> Outcome<String> {
        self.run_with_input(&mut self.command(&["audit", "verify"]), "")
    }

    /// The number of the running process; zero if none runs.
    pub fn process(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Ends the program without telling it (`kill -9`).
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both can fail only because it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the program to stop and waits for it.
    pub fn stop(&mut self) -> Outcome {
        let Some(child) = &mut self.child else { return Ok(()) };
        let asked = Instant::now();
        shell::succeeds(Command::new("kill").arg(child.id().to_string()));
        while asked.elapsed() < STOP_PATIENCE {
            if let Ok(Some(_)) = child.try_wait() {
                self.child = None;
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        Err(self.failed(&format!("does not stop within {} s", STOP_PATIENCE.as_secs())))
    }

    /// The program with our folder and our configuration, whatever the environment says.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        command.arg("--data").arg(self.folder.join("data"));
        command.arg("--config").arg(self.folder.join("fachwerk.toml"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FACHWERK_") {
                command.env_remove(name);
            }
        }
        command
    }

    fn run_with_input(&self, command: &mut Command, input: &str) -> Outcome<String> {
        let started = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::file("start", &self.program, &error));
        let mut child = started?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input has its reasons and tells them.
            let _ = writeln!(stdin, "{input}");
        }
        let output = child
            .wait_with_output()
            .map_err(|error| Failure::file("wait for", &self.program, &error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let what = format!("`{}` failed ({}): {said}", shell::line(command), output.status);
        Err(Failure::new(what, "Run it by hand with the same folder and repair what it names."))
    }

    fn failed(&self, how: &str) -> Failure {
        let log = self.folder.join("log.txt");
        Failure::new(format!("the program {how}"), format!("Read {}.", log.display()))
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of the loopback interface that is free now.
pub fn free_address() -> Outcome<String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.map(|address| address.to_string()).map_err(|error| {
        Failure::new(format!("no free port: {error}"), "Stop what occupies the loopback ports.")
    })
}
