//! Installs Debian packages where it may, and names the exact command where it may not.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::shell;

/// Something a machine needs: how to see whether it is there, and the packages that bring it.
#[derive(Debug)]
pub struct Need {
    /// What it is, for the person reading.
    pub what: &'static str,
    /// The packages that bring it.
    pub packages: &'static [&'static str],
    /// Tells whether it is there already, by whichever way it came.
    pub is_there: fn() -> bool,
}

/// A browser for the journey tests.
pub const CHROMIUM: Need =
    Need { what: "Chromium", packages: &["chromium"], is_there: || chromium().is_some() };

/// The programs of a PostgreSQL server; the tests start instances of their own.
pub const POSTGRESQL: Need =
    Need { what: "the PostgreSQL server", packages: &["postgresql"], is_there: has_postgresql };

/// A clock that can be set for one process.
pub const FAKETIME: Need =
    Need { what: "libfaketime", packages: &["libfaketime"], is_there: has_faketime };

/// A plain reverse proxy to compare with.
pub const NGINX: Need = Need {
    what: "nginx",
    packages: &["nginx-light"],
    is_there: || shell::which("nginx").is_some(),
};

/// Python with virtual environments, for the stock client package.
pub const PYTHON: Need = Need {
    what: "Python with venv",
    packages: &["python3", "python3-venv", "python3-pip"],
    is_there: || shell::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])),
};

/// Installs whatever is missing in one go.
pub fn install(needs: &[Need]) -> Outcome {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> =
        missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    let names: Vec<&str> = missing.iter().map(|need| need.what).collect();
    println!("▸ install {}: missing on this machine", names.join(", "));
    apt(&packages)?;
    match missing.iter().find(|need| !(need.is_there)()) {
        None => Ok(()),
        Some(need) => Err(Failure::new(
            format!("{} is still not found after installing {}", need.what, packages.join(" ")),
            "Look at the lines above for what apt-get said and install it by hand.",
        )),
    }
}

fn apt(packages: &[&str]) -> Outcome {
    let by_hand = format!("sudo apt-get update && sudo apt-get install -y {}", packages.join(" "));
    let advice = format!("Run `{by_hand}` and start again.");
    let Some(prefix) = privilege() else {
        return Err(Failure::new(
            format!("{} must be installed and this account may not do it", packages.join(", ")),
            advice,
        ));
    };
    // Old package lists name files that are gone; without a network the old list may still do.
    if let Err(failure) = shell::run(&mut apt_get(prefix, &["update", "-qq"]), &advice) {
        println!("  going on with the package lists of this machine: {failure}");
    }
    let mut install = apt_get(prefix, &["install", "-y", "-qq"]);
    shell::run(install.args(packages), &advice)
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Command {
    let words: Vec<&str> =
        [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    command
}

/// The words before a command that needs the right to install, or nothing if we lack it.
fn privilege() -> Option<&'static [&'static str]> {
    shell::which("apt-get")?;
    let user = shell::read(Command::new("id").arg("-u")).ok()?;
    if user.trim() == "0" {
        return Some(&[]);
    }
    shell::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

/// The browser to test with: the one `CHROMIUM` names, else the first that is installed.
pub fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(shell::which)
}

fn has_faketime() -> bool {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketime.so.1")).any(|file| file.is_file())
}

/// Debian keeps a server's programs in a folder for each version, off the search path.
fn has_postgresql() -> bool {
    let on_path = shell::which("initdb").is_some() && shell::which("postgres").is_some();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    on_path
        || versions
            .filter_map(|version| Some(version.ok()?.path().join("bin")))
            .any(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}
