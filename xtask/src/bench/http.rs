//! A small HTTP/1.1 client on the standard library: one request a connection, bodies by length, in
//! chunks or until the end. It knows the installation's key, none of its routes.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Outcome};

/// Longest silence of the server; beyond: the request has failed.
const SILENCE: Duration = Duration::from_secs(120);
/// Longest head of an answer, in bytes; beyond: the answer counts as broken.
const HEAD_BYTES_MAX: u64 = 64 << 10;
/// Longest whole answer, in bytes; beyond: the rest is not read, and JSON is none any more.
const BODY_BYTES_MAX: u64 = 256 << 20;
/// What separates the parts of a form; stands in none of the uploaded files.
const BOUNDARY: &str = "----fachwerk-bench-7d1c0a5e9b42";

/// Whom to ask, and as whom.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
    key: String,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The answer if it has this status, else what the server said instead.
    pub fn expect(self, status: u16, doing: &str) -> Outcome<Value> {
        if self.status == status {
            return Ok(self.json());
        }
        let body = self.json();
        let code = body["code"].as_str().or(body["error"]["code"].as_str()).unwrap_or("no code");
        Err(Failure::new(
            format!("{doing}: the answer is {} ({code}) instead of {status}", self.status),
            "Look into the program's log, which lies beside the data folder of the bench.",
        ))
    }
}

impl Client {
    /// A client for the server at `address`; an empty key sends none.
    pub fn new(address: &str, key: &str) -> Self {
        Self { address: address.to_owned(), key: key.to_owned() }
    }

    /// The key it sends.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> io::Result<Answer> {
        whole(self.send("GET", path, "", &[])?)
    }

    /// `POST` of JSON.
    pub fn post(&self, path: &str, body: &Value) -> io::Result<Answer> {
        whole(self.post_streamed(path, body)?)
    }

    /// `POST` of JSON whose answer is read piece by piece.
    pub fn post_streamed(&self, path: &str, body: &Value) -> io::Result<(u16, Body)> {
        self.send("POST", path, "application/json", &[body.to_string().as_bytes()])
    }

    /// `POST` of one file in the form field `file`.
    pub fn upload(&self, path: &str, name: &str, content: &[u8]) -> io::Result<Answer> {
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        whole(self.send("POST", path, &kind, &[head.as_bytes(), content, tail.as_bytes()])?)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[&[u8]],
    ) -> io::Result<(u16, Body)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        let length: usize = body.iter().map(|part| part.len()).sum();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n",
            self.address
        );
        if !kind.is_empty() {
            head += &format!("content-type: {kind}\r\n");
        }
        if !self.key.is_empty() {
            head += &format!("authorization: Bearer {}\r\n", self.key);
        }
        stream.write_all((head + "\r\n").as_bytes())?;
        for part in body {
            stream.write_all(part)?;
        }
        read_head(BufReader::new(stream))
    }
}

fn whole((status, body): (u16, Body)) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    body.take(BODY_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Answer { status, body: bytes })
}

/// The body of an answer, without its framing.
#[derive(Debug)]
pub struct Body<R = TcpStream> {
    stream: BufReader<R>,
    framing: Framing,
}

#[derive(Debug)]
enum Framing {
    /// So many bytes are left.
    Length(u64),
    /// So many bytes are left of this chunk, and more chunks follow.
    Chunk(u64),
    UntilClosed,
}

fn read_head<R: Read>(mut stream: BufReader<R>) -> io::Result<(u16, Body<R>)> {
    let mut head = stream.by_ref().take(HEAD_BYTES_MAX);
    let first = read_line(&mut head)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| broken("this is no HTTP answer"))?;
    let mut framing = Framing::UntilClosed;
    loop {
        let line = read_line(&mut head)?.to_ascii_lowercase();
        let Some((name, value)) = line.split_once(':') else { break };
        match (name, value.trim()) {
            ("content-length", length) => {
                let length = length.parse().map_err(|_| broken("a length is no number"))?;
                framing = Framing::Length(length);
            }
            ("transfer-encoding", "chunked") => framing = Framing::Chunk(0),
            _ => {}
        }
    }
    Ok((status, Body { stream, framing }))
}

impl<R: Read> Body<R> {
    /// Reads the line with the length of the next chunk; the last one has none.
    fn next_chunk(&mut self) -> io::Result<Framing> {
        let mut line = read_line(&mut self.stream)?;
        if line.is_empty() {
            // What ends the chunk before.
            line = read_line(&mut self.stream)?;
        }
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length =
            u64::from_str_radix(digits, 16).map_err(|_| broken("a chunk has no length"))?;
        Ok(if length == 0 { Framing::Length(0) } else { Framing::Chunk(length) })
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Framing::Chunk(0) = self.framing {
            self.framing = self.next_chunk()?;
        }
        let left = match &mut self.framing {
            Framing::UntilClosed => return self.stream.read(buffer),
            Framing::Length(left) | Framing::Chunk(left) => left,
        };
        if *left == 0 {
            return Ok(0);
        }
        let room = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let read = self.stream.read(&mut buffer[..room])?;
        if read == 0 && room > 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the answer was cut off"));
        }
        *left -= read as u64;
        Ok(read)
    }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.take(HEAD_BYTES_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(Error::new(ErrorKind::UnexpectedEof, "the answer was cut off"));
    }
    Ok(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// The lost connection as a failure of the bench.
pub fn lost(error: &Error) -> Failure {
    Failure::new(
        format!("the program does not answer any more: {error}"),
        "Look into its log, which lies beside the data folder of the bench.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(answer: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let (status, mut body) = read_head(BufReader::with_capacity(3, answer))?;
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes)?;
        Ok((status, bytes))
    }

    #[test]
    fn bodies_come_by_length_in_chunks_or_until_the_end() {
        let by_length = b"HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nbodymore";
        assert_eq!(body_of(by_length).unwrap(), (202, b"body".to_vec()));
        let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            3;x=y\r\nbod\r\nB\r\ny and more!\r\n0\r\n\r\n";
        assert_eq!(body_of(chunks).unwrap(), (200, b"body and more!".to_vec()));
        let until_closed = b"HTTP/1.1 404 Not Found\r\n\r\nbody";
        assert_eq!(body_of(until_closed).unwrap(), (404, b"body".to_vec()));
    }

    #[test]
    fn a_cut_answer_is_an_error_and_not_a_short_body() {
        for cut in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\ncontent-le",
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbody",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nbody",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n",
        ] {
            assert_eq!(body_of(cut).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
        assert!(body_of(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn a_file_arrives_in_one_form_field() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let end = format!("\r\n--{BOUNDARY}--\r\n");
            while !seen.ends_with(end.as_bytes()) {
                let mut piece = [0; 100];
                let read = stream.read(&mut piece).unwrap();
                seen.extend_from_slice(&piece[..read]);
            }
            stream.write_all(b"HTTP/1.1 202 Accepted\r\n\r\n{\"id\":\"1\"}").unwrap();
            String::from_utf8(seen).unwrap()
        });
        let answer = Client::new(&address, "key").upload("/there", "a.md", b"# Text").unwrap();
        assert_eq!(answer.expect(202, "upload").unwrap()["id"], "1");
        let seen = server.join().unwrap();
        assert!(seen.starts_with("POST /there HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("\r\nauthorization: Bearer key\r\n"), "{seen}");
        assert!(seen.contains("name=\"file\"; filename=\"a.md\"\r\n"), "{seen}");
        let (head, form) = seen.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", form.len())), "{seen}");
        assert!(form.contains("\r\n\r\n# Text\r\n--"), "{seen}");
    }
}
