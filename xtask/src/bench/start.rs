//! How long the program takes to be ready, and how much memory it holds when nobody asks anything.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// Starts with the same data folder; the first also creates it and is told apart.
const STARTS: usize = 5;
/// A program that is not ready by then has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the program is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(5);

/// Measures and prints.
pub fn run(place: &Place, program: &Path) -> Outcome {
    let data = place.target.join("bench/start");
    if data.exists() {
        fs::remove_dir_all(&data).map_err(|error| Failure::file("remove", &data, &error))?;
    }
    println!("| start | ready after | resident when idle |\n|---|---|---|");
    for number in 1..=STARTS {
        let (ready, memory) = measure(program, &data)?;
        let name = if number == 1 { "first, empty folder".into() } else { format!("{number}") };
        println!("| {name} | {} ms | {memory} MB |", ready.as_millis());
    }
    Ok(())
}

fn measure(program: &Path, data: &Path) -> Outcome<(Duration, u64)> {
    let address = free_address()?;
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(["serve", "--listen", &address, "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure::file("start", program, &error))?;
    let measured = wait_until_ready(&mut child, &address, started).map(|ready| {
        sleep(IDLE);
        (ready, resident_mb(child.id()))
    });
    // Asked politely, so that the next start finds what an ordinary stop leaves behind.
    if !shell::succeeds(Command::new("kill").arg(child.id().to_string())) {
        child.kill().map_err(|error| Failure::file("stop", program, &error))?;
    }
    if child.wait().is_err() {
        return Err(Failure::new("the program does not stop", "Look for it with `ps`."));
    }
    measured
}

fn wait_until_ready(child: &mut Child, address: &str, started: Instant) -> Outcome<Duration> {
    while started.elapsed() < PATIENCE {
        if is_ready(address).unwrap_or(false) {
            return Ok(started.elapsed());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(Failure::new(
                format!("the program ended instead of becoming ready ({status})"),
                "Start it by hand with `fachwerk serve --data ./data` and read what it says.",
            ));
        }
        sleep(Duration::from_millis(2));
    }
    Err(Failure::new(
        format!("the program was not ready after {} s", PATIENCE.as_secs()),
        "Start it by hand and look at /readyz.",
    ))
}

fn is_ready(address: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"HTTP/1.1 200")
}

fn free_address() -> Outcome<String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    address.map(|address| address.to_string()).map_err(|error| {
        Failure::new(format!("no free port: {error}"), "Stop what occupies the loopback ports.")
    })
}

/// Resident memory of the process and of nobody else; zero if the system does not tell.
fn resident_mb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
