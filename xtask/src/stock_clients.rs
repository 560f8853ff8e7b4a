//! Packages of others at the ends of our wires: the stock OpenAI packages for Python and JavaScript,
//! Anthropic's, LangChain's and LiteLLM's for Python, so that a test can prove that they work with us
//! unchanged; schemathesis, which holds us to our description; and the official definitions of
//! OpenTelemetry and a collector, so that what we export is read by somebody else. Installed by name
//! into the target folder, never into the system.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// Pinned, so that a test run says something about us and not about a release of yesterday.
const PYTHON_PACKAGE: &str = "openai==3.54.0";
const ANTHROPIC_PACKAGE: &str = "anthropic==2.12.0";
/// The newest whose needs the registry can meet.
const LANGCHAIN_PACKAGES: [&str; 2] = ["langchain-openai==1.6.7", "langchain-core==1.7.2"];
/// The release that the proxies in use are of.
const LITELLM_PACKAGE: &str = "litellm==1.74.4";
const SCHEMATHESIS_PACKAGE: &str = "schemathesis==4.32.5";
const JAVASCRIPT_PACKAGE: &str = "openai@7.57.0";
/// The messages of OTLP, and the names that attributes and measurements have.
const OTLP_PACKAGES: [&str; 2] =
    ["opentelemetry-proto==1.45.2", "opentelemetry-semantic-conventions==0.66b2"];

/// A collector of OpenTelemetry, a program in a package for one release of Python, which it does not need.
const OTLP_COLLECTOR_PACKAGE: &str = "rotel==0.0.1a15";
const OTLP_COLLECTOR_PYTHON: &str = "3.11";

/// The environment variables by which the tests find them.
const PYTHON_VARIABLE: &str = "FACHWERK_OPENAI_PYTHON";
const ANTHROPIC_VARIABLE: &str = "FACHWERK_ANTHROPIC_PYTHON";
const LANGCHAIN_VARIABLE: &str = "FACHWERK_LANGCHAIN_PYTHON";
const LITELLM_VARIABLE: &str = "FACHWERK_LITELLM_PYTHON";
const SCHEMATHESIS_VARIABLE: &str = "FACHWERK_SCHEMATHESIS";
const OTLP_VARIABLE: &str = "FACHWERK_OTLP_PYTHON";
const OTLP_COLLECTOR_VARIABLE: &str = "FACHWERK_OTLP_COLLECTOR";
const PROMTOOL_VARIABLE: &str = "FACHWERK_PROMTOOL";
const JAVASCRIPT_VARIABLE: &str = "FACHWERK_OPENAI_NODE_MODULES";

/// Where the clients lie.
#[derive(Debug)]
pub struct StockClients {
    /// A Python that imports `openai`.
    python: PathBuf,
    /// A Python that imports `anthropic`.
    anthropic: PathBuf,
    /// A Python that imports `langchain_openai`.
    langchain: PathBuf,
    /// A Python that imports `litellm`.
    litellm: PathBuf,
    /// The program that makes up requests from the description of the interface.
    schemathesis: PathBuf,
    /// A Python that imports the definitions of OpenTelemetry.
    otlp: PathBuf,
    /// A collector of OpenTelemetry.
    otlp_collector: PathBuf,
    /// The checker of Prometheus' rules; `None` where there is none to be had.
    promtool: Option<PathBuf>,
    /// A `node_modules` folder with `openai`.
    node_modules: PathBuf,
}

impl StockClients {
    /// Installs them, unless they are there in the wanted version.
    pub fn install(place: &Place) -> Outcome<Self> {
        Ok(Self {
            python: install_python(place, "openai", &[PYTHON_PACKAGE])?,
            anthropic: install_python(place, "anthropic", &[ANTHROPIC_PACKAGE])?,
            langchain: install_python(place, "langchain_openai", &LANGCHAIN_PACKAGES)?,
            litellm: install_python(place, "litellm", &[LITELLM_PACKAGE])?,
            schemathesis: install_python(place, "schemathesis", &[SCHEMATHESIS_PACKAGE])?
                .with_file_name("schemathesis"),
            otlp: install_python(place, "opentelemetry.semconv", &OTLP_PACKAGES)?,
            otlp_collector: install_collector(place)?,
            promtool: install_promtool(place),
            node_modules: install_javascript(place)?,
        })
    }

    /// Lets a test command find them.
    pub fn announce(&self, command: &mut Command) {
        command.env(PYTHON_VARIABLE, &self.python);
        command.env(ANTHROPIC_VARIABLE, &self.anthropic);
        command.env(LANGCHAIN_VARIABLE, &self.langchain);
        command.env(LITELLM_VARIABLE, &self.litellm);
        command.env(SCHEMATHESIS_VARIABLE, &self.schemathesis);
        command.env(OTLP_VARIABLE, &self.otlp);
        command.env(OTLP_COLLECTOR_VARIABLE, &self.otlp_collector);
        if let Some(promtool) = &self.promtool {
            command.env(PROMTOOL_VARIABLE, promtool);
        }
        command.env(JAVASCRIPT_VARIABLE, &self.node_modules);
    }
}

/// Installs packages, given as `NAME==VERSION`, into a folder of their own, which bears the name of the
/// first. `module` is one that a program then imports; it is looked for and not imported, as that alone
/// takes seconds for some. Packages come in after all that they need.
fn install_python(place: &Place, module: &str, packages: &[&str]) -> Outcome<PathBuf> {
    let folder = place.tools().join(packages[0]);
    let python = folder.join("bin/python");
    let look = format!("import importlib.util as i; exit(i.find_spec('{module}') is None)");
    if shell::succeeds(Command::new(&python).args(["-c", &look])) {
        return Ok(python);
    }
    let names = packages.join(" ");
    println!("▸ stock client: {names} for Python");
    let advice =
        format!("Check that Python packages can be installed: `pip download {names}` must work.");
    let advice = advice.as_str();
    shell::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), advice)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    shell::run(&mut pip, advice)?;
    Ok(python)
}

/// Takes the collector out of its package, whatever Python is here.
fn install_collector(place: &Place) -> Outcome<PathBuf> {
    let folder = place.tools().join(OTLP_COLLECTOR_PACKAGE);
    let program = folder.join("rotel/rotel-agent");
    if shell::succeeds(Command::new(&program).arg("--version")) {
        return Ok(program);
    }
    println!("▸ collector: {OTLP_COLLECTOR_PACKAGE}");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]);
    // Root may write here: it is no folder of the system.
    pip.arg("--root-user-action=ignore");
    pip.args(["--no-deps", "--only-binary=:all:", "--python-version", OTLP_COLLECTOR_PYTHON]);
    pip.arg("--target").arg(&folder).arg(OTLP_COLLECTOR_PACKAGE);
    let advice = format!(
        "Check that Python packages can be installed: `pip download {OTLP_COLLECTOR_PACKAGE}` must work."
    );
    shell::run(&mut pip, &advice)?;
    Ok(program)
}

/// Takes the checker of Prometheus out of Debian's package, without installing a server that would start.
fn install_promtool(place: &Place) -> Option<PathBuf> {
    if let Some(path) = shell::which("promtool") {
        return Some(path);
    }
    let folder = place.tools().join("promtool");
    let program = folder.join("usr/bin/promtool");
    if program.is_file() {
        return Some(program);
    }
    println!("▸ promtool, out of Debian's package prometheus");
    let unpack =
        "apt-get download -qq prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb";
    let mut command = Command::new("sh");
    let brought = fs::create_dir_all(&folder).is_ok()
        && shell::succeeds(command.args(["-c", unpack]).current_dir(&folder));
    if !brought {
        println!("  it is not to be had here: the alert rules are checked by name only");
    }
    (brought && program.is_file()).then_some(program)
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
