//! The stock OpenAI packages for Python and JavaScript and Anthropic's for Python, so that a test
//! can prove that they work with us unchanged, and schemathesis, which holds us to our description.
//! Installed by name into the target folder, never into the system.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// Pinned, so that a test run says something about us and not about a release of yesterday.
const PYTHON_PACKAGE: &str = "openai==3.54.0";
const ANTHROPIC_PACKAGE: &str = "anthropic==2.12.0";
const SCHEMATHESIS_PACKAGE: &str = "schemathesis==4.32.5";
const JAVASCRIPT_PACKAGE: &str = "openai@7.57.0";

/// The environment variables by which the tests find them.
const PYTHON_VARIABLE: &str = "FACHWERK_OPENAI_PYTHON";
const ANTHROPIC_VARIABLE: &str = "FACHWERK_ANTHROPIC_PYTHON";
const SCHEMATHESIS_VARIABLE: &str = "FACHWERK_SCHEMATHESIS";
const JAVASCRIPT_VARIABLE: &str = "FACHWERK_OPENAI_NODE_MODULES";

/// Where the clients lie.
#[derive(Debug)]
pub struct StockClients {
    /// A Python that imports `openai`.
    python: PathBuf,
    /// A Python that imports `anthropic`.
    anthropic: PathBuf,
    /// The program that makes up requests from the description of the interface.
    schemathesis: PathBuf,
    /// A `node_modules` folder with `openai`.
    node_modules: PathBuf,
}

impl StockClients {
    /// Installs them, unless they are there in the wanted version.
    pub fn install(place: &Place) -> Outcome<Self> {
        Ok(Self {
            python: install_python(place, PYTHON_PACKAGE)?,
            anthropic: install_python(place, ANTHROPIC_PACKAGE)?,
            schemathesis: install_python(place, SCHEMATHESIS_PACKAGE)?
                .with_file_name("schemathesis"),
            node_modules: install_javascript(place)?,
        })
    }

    /// Lets a test command find them.
    pub fn announce(&self, command: &mut Command) {
        command.env(PYTHON_VARIABLE, &self.python);
        command.env(ANTHROPIC_VARIABLE, &self.anthropic);
        command.env(SCHEMATHESIS_VARIABLE, &self.schemathesis);
        command.env(JAVASCRIPT_VARIABLE, &self.node_modules);
    }
}

/// Installs a package, given as `NAME==VERSION`, into a folder of its own.
fn install_python(place: &Place, package: &str) -> Outcome<PathBuf> {
    let folder = place.tools().join(package);
    let python = folder.join("bin/python");
    let name = package.split("==").next().unwrap_or(package);
    if shell::succeeds(Command::new(&python).args(["-c", &format!("import {name}")])) {
        return Ok(python);
    }
    println!("▸ stock client: {package} for Python");
    let advice =
        format!("Check that Python packages can be installed: `pip download {name}` must work.");
    let advice = advice.as_str();
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), advice)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]);
    shell::run(&mut pip, advice)?;
    Ok(python)
}

fn install_javascript(place: &Place) -> Outcome<PathBuf> {
    let folder = place.tools().join(JAVASCRIPT_PACKAGE);
    let node_modules = folder.join("node_modules");
    if node_modules.join("openai/package.json").is_file() {
        return Ok(node_modules);
    }
    println!("▸ stock client: {JAVASCRIPT_PACKAGE} for JavaScript");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
    shell::run(npm.arg(JAVASCRIPT_PACKAGE), "Check that the npm registry can be reached.")?;
    Ok(node_modules)
}
