//! A real PostgreSQL server for tests: one per test process, on a free port, in a temporary folder,
//! as an unprivileged user. It ends with the process that started it, however that ends.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The user `nobody` of every Debian: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;
/// Longest wait for a fresh server; beyond: the test fails with the end of its log.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The database user; local connections need no password.
const USER: &str = "fachwerk";

/// Starts the server, and stops and removes it as soon as the test process is gone: then its end of
/// the pipe closes and `read` returns. Needs nobody to clean up, not even after SIGKILL.
const WATCHMAN: &str = r#"
folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$folder"
"#;

/// A running server.
pub struct Postgres {
    port: u16,
    databases: AtomicU32,
    /// Closing this end stops the server.
    _alive: ChildStdin,
}

/// Returns the server of this test process; starts it if this is the first call.
///
/// # Panics
/// If PostgreSQL is not installed or does not start; the text says what to do.
pub fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| match start() {
        Ok(server) => server,
        Err(problem) => panic!("{problem}"),
    })
}

impl Postgres {
    /// Makes an empty database and returns its address.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn create_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.execute("postgres", &format!("CREATE DATABASE {name}"))
            .unwrap_or_else(|problem| panic!("cannot create a test database: {problem}"));
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs statements in a database as the server's owner, over its own protocol.
    ///
    /// # Errors
    /// What the server answered, or the connection's failure.
    pub fn execute(&self, database: &str, sql: &str) -> Result<(), String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(|e| e.to_string())?;
        let mut wire = Wire { stream };
        wire.start(database).map_err(|e| e.to_string())?;
        wire.send(b'Q', &terminated(sql)).map_err(|e| e.to_string())?;
        let refused = wire.until_ready().map_err(|e| e.to_string())?;
        refused.map_or(Ok(()), Err)
    }
}

fn start() -> Result<Postgres, String> {
    let programs = programs()?;
    let is_root = fs::metadata("/proc/self").map(|meta| meta.uid() == 0).unwrap_or(false);
    let folder = folder(is_root).map_err(|e| format!("no folder for PostgreSQL: {e}"))?;
    let data = folder.join("data");
    let made = unprivileged(&programs.join("initdb"), is_root)
        .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
        .arg(format!("--username={USER}"))
        .arg("-D")
        .arg(&data)
        .output()
        .map_err(|e| format!("cannot run initdb: {e}"))?;
    if !made.status.success() {
        fs::remove_dir_all(&folder).unwrap_or_default();
        return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let port = free_port().map_err(|e| format!("no free port: {e}"))?;
    let mut watchman = watch(&programs, &folder, port, is_root)
        .map_err(|e| format!("cannot start PostgreSQL: {e}"))?;
    let alive = watchman.stdin.take().ok_or("the watchman has no pipe")?;
    wait_until_ready(&data, &folder.join("log"), &mut watchman)?;
    Ok(Postgres { port, databases: AtomicU32::new(0), _alive: alive })
}

#[expect(clippy::disallowed_methods, reason = "a test tool looks for its server on the path")]
fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// Finds the folder with the server's programs: where `initdb` on the path leads, or the newest of
/// Debian's.
fn programs() -> Result<PathBuf, String> {
    let path = search_path();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("initdb"));
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| {
            versions.filter_map(Result::ok).map(|v| v.path().join("bin/initdb")).collect()
        })
        .unwrap_or_default();
    debian.sort();
    debian.reverse();
    on_path
        .chain(debian)
        .filter_map(|program| program.canonicalize().ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .find(|folder| folder.join("postgres").is_file())
        .ok_or_else(|| {
            "PostgreSQL is not installed; these tests need its server programs. \
             On Debian: apt-get install postgresql"
                .to_owned()
        })
}

fn folder(is_root: bool) -> io::Result<PathBuf> {
    // Not the process's own temporary folder when it is root: nobody may not be let in there.
    let parent = if is_root { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("fachwerk-postgres-").tempdir_in(parent)?.keep();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    if is_root {
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY))?;
    }
    Ok(folder)
}

fn unprivileged(program: &Path, is_root: bool) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/");
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn watch(programs: &Path, folder: &Path, port: u16, is_root: bool) -> io::Result<Child> {
    let mut command = unprivileged(Path::new("/bin/sh"), is_root);
    command.args(["-c", WATCHMAN, "watchman"]).arg(folder).arg(programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    command.args(["-h", "127.0.0.1", "-p"]).arg(port.to_string());
    // What a test server loses in a power cut, nobody misses.
    for setting in [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=300",
        "shared_buffers=64MB",
        "autovacuum=off",
    ] {
        command.arg("-c").arg(setting);
    }
    // Its own process group: a Ctrl-C in the terminal reaches the test process, whose end then
    // reaches the watchman.
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

fn wait_until_ready(data: &Path, log: &Path, watchman: &mut Child) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        // The last line of this file says how far the server is.
        let status = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if status.lines().next_back().is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        let ended = matches!(watchman.try_wait(), Ok(Some(_)));
        let refused = fs::read_to_string(log).unwrap_or_default().contains("FATAL");
        if ended || refused || begun.elapsed() > START_TIMEOUT {
            let log = fs::read_to_string(log).unwrap_or_default();
            return Err(format!("PostgreSQL did not start: {log}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// As much of PostgreSQL's protocol (version 3.0) as running a statement needs.
struct Wire {
    stream: TcpStream,
}

impl Wire {
    fn start(&mut self, database: &str) -> io::Result<()> {
        let mut body = 196_608_u32.to_be_bytes().to_vec(); // version 3.0
        for text in ["user", USER, "database", database] {
            body.extend(terminated(text));
        }
        body.push(0);
        self.stream.write_all(&(body.len() as u32 + 4).to_be_bytes())?;
        self.stream.write_all(&body)?;
        match self.until_ready()? {
            Some(refused) => Err(io::Error::other(refused)),
            None => Ok(()),
        }
    }

    fn send(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        self.stream.write_all(&[kind])?;
        self.stream.write_all(&(body.len() as u32 + 4).to_be_bytes())?;
        self.stream.write_all(body)
    }

    /// Reads until the server waits for the next statement; returns its refusal, if there was one.
    fn until_ready(&mut self) -> io::Result<Option<String>> {
        let mut refused = None;
        loop {
            let mut head = [0_u8; 5];
            self.stream.read_exact(&mut head)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0_u8; length.saturating_sub(4) as usize];
            self.stream.read_exact(&mut body)?;
            match head[0] {
                b'E' => {
                    refused = Some(String::from_utf8_lossy(&body).replace('\0', " "));
                    // After a refused start there is no ready message but the end.
                    if refused.as_deref().is_some_and(|text| text.contains("FATAL")) {
                        return Ok(refused);
                    }
                }
                b'Z' => return Ok(refused),
                _ => {}
            }
        }
    }
}

fn terminated(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}
