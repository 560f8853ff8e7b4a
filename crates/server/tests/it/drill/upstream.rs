//! A model server that can misbehave in ways that no HTTP library allows. Its good answer has a
//! prompt of 10 tokens and an answer of 3.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

const CHUNK: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\
    \"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hallo \"},\
    \"finish_reason\":null}]}\n\n";
const LAST: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\
    \"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,\"total_tokens\":13}}\n\n\
    data: [DONE]\n\n";
const WHOLE: &str = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\
    \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hallo\"},\
    \"finish_reason\":\"stop\"}],\
    \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":3,\"total_tokens\":13}}";

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Good,
    /// As good, but with this pause between pieces, and so many of them.
    Slow {
        pieces: usize,
        pause: Duration,
    },
    HangBeforeFirstByte,
    HangMidStream,
    Garbage,
    /// A character of UTF-8 that breaks off in its middle.
    HalfCharacter,
    /// A line without an end, of so many bytes.
    LongLine(usize),
    WrongType,
    ClosesEarly,
    TooMany,
}

/// A running server. It stops when dropped.
pub struct Upstream {
    address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    seen: Arc<AtomicUsize>,
    listening: Option<JoinHandle<()>>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut upstream = Self {
            address,
            mode: Arc::new(Mutex::new(Mode::Good)),
            seen: Arc::default(),
            listening: None,
        };
        upstream.listen(listener);
        upstream
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// How many requests it has seen.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }

    /// Refuses connections from now on, and breaks those there are.
    pub fn down(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
        }
    }

    pub fn up(&mut self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        self.listen(socket.listen(1_024).unwrap());
    }

    fn listen(&mut self, listener: TcpListener) {
        let (mode, seen) = (self.mode.clone(), self.seen.clone());
        self.listening = Some(tokio::spawn(async move {
            let mut answering = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (mode, seen) = (mode.clone(), seen.clone());
                answering.spawn(async move {
                    // Whoever hangs up has no use for the rest.
                    let _ = answer(stream, &mode, &seen).await;
                });
                while answering.try_join_next().is_some() {}
            }
        }));
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.down();
    }
}

async fn answer(
    mut stream: TcpStream,
    mode: &Mutex<Mode>,
    seen: &AtomicUsize,
) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    seen.fetch_add(1, Ordering::Relaxed);
    let is_stream = String::from_utf8_lossy(&request).contains("\"stream\":true");
    let mode = *mode.lock().unwrap();
    let kind = if is_stream { "text/event-stream" } else { "application/json" };
    let head = |kind: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n")
    };
    let good = if is_stream { format!("{CHUNK}{CHUNK}{LAST}") } else { WHOLE.to_owned() };
    match mode {
        Mode::Good => stream.write_all(format!("{}{good}", head(kind)).as_bytes()).await?,
        Mode::Slow { pieces, pause } if is_stream => {
            stream.write_all(head(kind).as_bytes()).await?;
            for _ in 0..pieces {
                stream.write_all(CHUNK.as_bytes()).await?;
                tokio::time::sleep(pause).await;
            }
            stream.write_all(LAST.as_bytes()).await?;
        }
        Mode::Slow { pause, .. } => {
            tokio::time::sleep(pause).await;
            stream.write_all(format!("{}{good}", head(kind)).as_bytes()).await?;
        }
        Mode::HangBeforeFirstByte => hang(&mut stream).await?,
        Mode::HangMidStream => {
            let begun = if is_stream { CHUNK } else { &WHOLE[..40] };
            stream.write_all(format!("{}{begun}", head(kind)).as_bytes()).await?;
            hang(&mut stream).await?;
        }
        Mode::Garbage => {
            let noise = [b"data: {\"oh\": no\n\n\x00\xff\xfe".as_slice(), &[0x9f; 300]].concat();
            stream.write_all(&[head(kind).as_bytes(), &noise].concat()).await?;
        }
        Mode::HalfCharacter => {
            let cut = good.replacen("Hallo", "H\u{fc}", 1);
            let mut bytes = cut.into_bytes();
            // The second byte of the letter goes missing, and all that stood behind it.
            let at = bytes.iter().position(|byte| *byte == 0xc3).unwrap();
            bytes.truncate(at + 1);
            stream.write_all(&[head(kind).as_bytes(), &bytes].concat()).await?;
        }
        Mode::LongLine(bytes) => {
            stream.write_all(format!("{}data: {{\"a\":\"", head(kind)).as_bytes()).await?;
            let block = vec![b'x'; 1 << 16];
            for _ in 0..bytes / block.len() {
                stream.write_all(&block).await?;
            }
        }
        Mode::WrongType => {
            let page = format!("{}<html><body>Anmeldung</body></html>", head("text/html"));
            stream.write_all(page.as_bytes()).await?;
        }
        Mode::ClosesEarly => {
            let begun = if is_stream { CHUNK } else { &WHOLE[..40] };
            let head = head(kind).replace("connection: close", "content-length: 100000");
            stream.write_all(format!("{head}{begun}").as_bytes()).await?;
        }
        Mode::TooMany => {
            let refusal = "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit\"}}";
            let head = format!(
                "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
                 retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                refusal.len()
            );
            stream.write_all(format!("{head}{refusal}").as_bytes()).await?;
        }
    }
    stream.shutdown().await
}

/// Says nothing until the other side hangs up.
async fn hang(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.map(|_| ())
}

/// Reads one request with a body of known length.
async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut block = [0; 4_096];
        let count = stream.read(&mut block).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&block[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(bytes);
            }
        }
    }
}
