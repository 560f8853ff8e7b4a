//! A process of a bench that ends with the value.

use std::process::{Child, Command, Stdio};

use crate::failure::{Failure, Outcome};

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Spawned(Child);

impl Spawned {
    /// Starts a command silently.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.get_program().to_string_lossy().into_owned();
        command.spawn().map(Self).map_err(|error| {
            Failure::new(format!("`{program}` does not start: {error}"), "Build or install it.")
        })
    }

    /// Its number.
    pub fn process(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        // SIGTERM first: nginx ends its workers then, and would leave them behind otherwise.
        crate::shell::succeeds(Command::new("kill").arg(self.0.id().to_string()));
        std::thread::sleep(std::time::Duration::from_millis(300));
        // Both can fail only because it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
