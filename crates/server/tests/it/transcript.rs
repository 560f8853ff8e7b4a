//! What was asked and what came back, written down for snapshots. Ids, times and secrets, which
//! differ each time, are replaced by their kind.

use std::fmt::Write;

use http::Method;
use serde_json::Value;

use crate::client::{Answer, Client};

#[derive(Default)]
pub struct Transcript(String);

impl Transcript {
    pub async fn get(&mut self, who: (&str, &Client), path: &str) -> Answer {
        let answer = who.1.get(path).await;
        self.note(who.0, "GET", path, None, answer)
    }

    pub async fn delete(&mut self, who: (&str, &Client), path: &str) -> Answer {
        let answer = who.1.delete(path).await;
        self.note(who.0, "DELETE", path, None, answer)
    }

    pub async fn post(&mut self, who: (&str, &Client), path: &str, body: Value) -> Answer {
        self.json(who, &Method::POST, path, body).await
    }

    pub async fn json(
        &mut self,
        who: (&str, &Client),
        method: &Method,
        path: &str,
        body: Value,
    ) -> Answer {
        let answer = who.1.json(method, path, &body).await;
        self.note(who.0, method.as_str(), path, Some(body), answer)
    }

    fn note(
        &mut self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
        answer: Answer,
    ) -> Answer {
        let path = path.split('/').map(without_id).collect::<Vec<_>>().join("/");
        let body = body.map(|body| format!(" {}", shown(body))).unwrap_or_default();
        let _ = writeln!(self.0, "{who}: {method} {path}{body}\n→ {}", answer.status);
        if !answer.header("set-cookie").is_empty() {
            let attributes = answer.header("set-cookie").split_once(';').unwrap().1;
            let _ = writeln!(self.0, "set-cookie: fachwerk_session=…;{attributes}");
        }
        if let Ok(value) = serde_json::from_slice::<Value>(&answer.bytes) {
            let _ = writeln!(self.0, "{}", serde_json::to_string_pretty(&shown(value)).unwrap());
        } else if !answer.bytes.is_empty() {
            let _ = writeln!(self.0, "{}", answer.text());
        }
        self.0.push('\n');
        answer
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

fn without_id(segment: &str) -> &str {
    if uuid::Uuid::try_parse(segment).is_ok() { "[id]" } else { segment }
}

/// A value with everything that differs each time replaced.
pub fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(shown_text(text)),
        Value::Array(items) => items.into_iter().map(shown).collect(),
        Value::Object(fields) => {
            let named = |(name, value): (String, Value)| (shown_text(name), shown(value));
            fields.into_iter().map(named).collect()
        }
        other => other,
    }
}

fn shown_text(text: String) -> String {
    let is_time = text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    if uuid::Uuid::try_parse(&text).is_ok() {
        "[id]".to_owned()
    } else if is_time {
        "[time]".to_owned()
    } else if text.starts_with("sk-fw-") {
        "[key]".to_owned()
    } else {
        match text.split_once(':') {
            Some((kind, id)) if uuid::Uuid::try_parse(id).is_ok() => format!("{kind}:[id]"),
            _ => text,
        }
    }
}
