//! A connection that is kept from one request to the next, as programs keep theirs. Knows HTTP as our
//! own program speaks it, and how people sign in.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::http::lost;
use super::installation::PASSWORD;
use crate::failure::{Failure, Outcome};

/// A connection that is kept, as programs keep theirs.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// What came back.
pub struct Answer {
    cookie: String,
    body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Connection {
    /// Connects to the server at `url`.
    pub fn to(url: &str) -> Outcome<Self> {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let stream = TcpStream::connect(address).map_err(|error| lost(&error))?;
        stream.set_nodelay(true).map_err(|error| lost(&error))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Signs a person in; returns the header lines that say so, and that no other page is asking.
    pub fn sign_in(&mut self, email: &str) -> Outcome<String> {
        let person = json!({"email": email, "password": PASSWORD});
        let signed_in = self.post("/api/session", "", &person)?;
        let cookie = signed_in.cookie.split(';').next().unwrap_or_default();
        Ok(format!("cookie: {cookie}\r\nx-fachwerk-csrf: 1\r\n"))
    }

    /// Sends JSON by `POST`, see [`Connection::send`].
    pub fn post(&mut self, path: &str, headers: &str, body: &Value) -> Outcome<Answer> {
        self.send("POST", path, headers, &body.to_string())
    }

    /// Sends JSON with more header lines; an answer that is no success is a failure.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Outcome<Answer> {
        let request = request(method, path, headers, body);
        let answered = self.exchange(&request).map_err(|error| lost(&error))?;
        let (first, answer) = answered;
        if first.starts_with("HTTP/1.1 2") {
            return Ok(answer);
        }
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        Err(Failure::new(format!("{path}: {} {said}", first.trim()), "Look into the bench's log."))
    }

    /// The same whatever the answer is; returns its status.
    pub fn status_of_post(&mut self, path: &str, headers: &str, body: &str) -> Outcome<u16> {
        let request = request("POST", path, headers, body);
        let (first, _) = self.exchange(&request).map_err(|error| lost(&error))?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        status.ok_or_else(|| Failure::new(format!("{path}: {first}"), "Look into the bench's log."))
    }

    /// Sends a request; returns the first line of the answer, and the rest of it.
    fn exchange(&mut self, request: &str) -> std::io::Result<(String, Answer)> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut first, mut cookie, mut length) = (String::new(), String::new(), 0);
        self.stream.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "set-cookie" => value.trim().clone_into(&mut cookie),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((first, Answer { cookie, body }))
    }
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\n{headers}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
