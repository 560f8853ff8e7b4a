//! Where things lie: the root of the repository and the folder cargo builds into.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::shell;

/// The repository on this machine.
#[derive(Debug)]
pub struct Place {
    /// The root of the repository.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the environment puts it.
    pub target: PathBuf,
    /// What `cargo metadata` says about our own packages.
    pub metadata: Value,
}

impl Place {
    /// Asks cargo, so that `CARGO_TARGET_DIR` and configuration files are honoured.
    pub fn find() -> Outcome<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let output = shell::read(
            Command::new(cargo())
                .args(["metadata", "--format-version=1", "--no-deps", "--manifest-path"])
                .arg(manifest),
        )?;
        let metadata: Value = serde_json::from_str(&output).map_err(|error| {
            Failure::new(
                format!("`cargo metadata` wrote something else than JSON: {error}"),
                "Run `cargo metadata --no-deps` by hand and repair what it complains about.",
            )
        })?;
        let folder = |key: &str| PathBuf::from(metadata[key].as_str().unwrap_or_default());
        Ok(Self { root: folder("workspace_root"), target: folder("target_directory"), metadata })
    }

    /// The folder of the web interface.
    pub fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The folder for tools that the toolbox installs for itself.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// A cargo command that starts in the root of the repository.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo());
        command.args(arguments).current_dir(&self.root);
        command
    }
}

/// The cargo that started us, so that one toolchain does everything.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
