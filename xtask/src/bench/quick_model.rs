//! A model server that answers at once, always the same, in the shape of the OpenAI interface. It counts
//! what reaches it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::failure::{Failure, Outcome};

/// What an answer says that it took.
pub const PROMPT_TOKENS: u64 = 100;
pub const ANSWER_TOKENS: u64 = 200;

/// A running server. It lives as long as the process.
#[derive(Debug)]
pub struct QuickModel {
    address: String,
    answered: Arc<AtomicU64>,
}

impl QuickModel {
    /// Starts on a free port of the loopback interface.
    pub fn start() -> Outcome<Self> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("no free port: {error}"), "Stop what occupies the loopback ports.")
        };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        let answered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&answered);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                // Whoever hangs up in the middle has its reasons.
                thread::spawn(move || answer(stream, &counter));
            }
        });
        Ok(Self { address, answered })
    }

    /// The base of its interface.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many requests it has answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }
}

/// Answers one request after the other until the caller is gone.
fn answer(stream: TcpStream, counter: &AtomicU64) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::new(stream);
    let usage = format!(
        r#"{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{ANSWER_TOKENS},"total_tokens":{}}}"#,
        PROMPT_TOKENS + ANSWER_TOKENS
    );
    let body = format!(
        r#"{{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"Guten Tag"}},"finish_reason":"stop"}}],"usage":{usage}}}"#
    );
    let whole = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let Some((name, value)) = line.trim().split_once(':') else {
                if line.trim().is_empty() {
                    break;
                }
                continue;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink()).ok()?;
        counter.fetch_add(1, Ordering::SeqCst);
        stream.get_mut().write_all(whole.as_bytes()).ok()?;
    }
}
