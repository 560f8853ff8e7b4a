//! A model server that never comes to an end: it streams words in the shape of the OpenAI interface,
//! one at a time, until the reader is gone. Benches break into its answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use crate::failure::{Failure, Outcome};

/// How long a word takes.
const WORD: Duration = Duration::from_millis(50);
/// Words of one answer; after them it ends, so that nothing runs for ever.
const WORDS_MAX: usize = 12_000;
/// Longest silence of a reader; beyond: its connection is given up.
const SILENCE: Duration = Duration::from_secs(10);

/// A running server. It takes no more requests when dropped.
#[derive(Debug)]
pub struct SlowModel {
    address: String,
    seen: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SlowModel {
    /// Starts on a free port of the loopback interface.
    pub fn start() -> Outcome<Self> {
        let failed = |error: std::io::Error| {
            Failure::new(format!("no free port: {error}"), "Stop what occupies the loopback ports.")
        };
        let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?.to_string();
        let (seen, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, end) = (seen.clone(), ended.clone());
        let thread = thread::spawn(move || accept(&listener, &counter, &end));
        Ok(Self { address, seen, ended, thread: Some(thread) })
    }

    /// What `fachwerk.toml` says about it.
    pub fn config(&self) -> String {
        format!(
            "[[models]]\nname = \"slow\"\npurpose = \"Bench\"\n\n[[models.routes]]\n\
             kind = \"openai\"\nbase_url = \"http://{}/v1\"\nupstream_model = \"slow\"\n\
             place = \"own\"\nclearance = \"restricted\"\nconcurrency = 64\n",
            self.address
        )
    }

    /// How many answers it has begun.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for SlowModel {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection; without one it has ended already.
        let _ = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, seen: &Arc<AtomicUsize>, ended: &Arc<AtomicBool>) {
    for stream in listener.incoming().flatten() {
        if ended.load(Ordering::SeqCst) {
            return;
        }
        let (seen, ended) = (seen.clone(), ended.clone());
        // It ends with its reader: a broken pipe is how every answer here is meant to end.
        thread::spawn(move || {
            let _ = answer(stream, &seen, &ended);
        });
    }
}

fn answer(stream: TcpStream, seen: &AtomicUsize, ended: &AtomicBool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let mut stream = stream;
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    )?;
    seen.fetch_add(1, Ordering::SeqCst);
    for number in 0..WORDS_MAX {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        stream.write_all(word(number).as_bytes())?;
        sleep(WORD);
    }
    stream.write_all(b"data: [DONE]\n\n")
}

fn word(number: usize) -> String {
    format!(
        "data: {{\"id\":\"slow\",\"object\":\"chat.completion.chunk\",\"created\":1,\
         \"model\":\"slow\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"Wort {number} \"}},\
         \"finish_reason\":null}}]}}\n\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::events::Events;
    use crate::bench::http::Client;
    use serde_json::{Value, json};

    #[test]
    fn words_come_one_after_another() {
        let model = SlowModel::start().unwrap();
        let client = Client::new(&model.address, "");
        let body = json!({ "stream": true });
        let (status, stream) = client.post_streamed("/v1/chat/completions", &body).unwrap();
        assert_eq!(status, 200);
        let words: Vec<String> = Events::new(stream)
            .take(2)
            .map(|event| serde_json::from_str::<Value>(&event.unwrap()).unwrap())
            .map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(words, ["Wort 0 ", "Wort 1 "]);
        assert_eq!(model.seen(), 1);
    }
}
