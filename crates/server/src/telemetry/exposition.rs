//! Reads our own measurements back from the text for Prometheus, as measurements of OTLP: whatever is
//! measured comes out of both, once, and nothing is counted twice on the way of a request.
//!
//! Reads what the recorder of this process writes, not any text that others could write.

use std::{borrow::Cow, collections::BTreeMap};

use super::otlp::{Attribute, Distribution, Metric, Number, Points, Value};

/// Names that the conventions of OpenTelemetry give, where the rule of [`name_and_unit`] would not.
const NAMES: [(&str, &str, &str); 5] = [
    ("gen_ai_client_operation_duration_seconds", "gen_ai.client.operation.duration", "s"),
    (
        "gen_ai_client_operation_time_to_first_chunk_seconds",
        "gen_ai.client.operation.time_to_first_chunk",
        "s",
    ),
    ("gen_ai_server_time_per_output_token_seconds", "gen_ai.server.time_per_output_token", "s"),
    ("gen_ai_client_token_usage", "gen_ai.client.token.usage", "{token}"),
    ("process_resident_memory_bytes", "process.memory.usage", "By"),
];

/// The same for labels; others become `fachwerk.NAME`.
const LABELS: [(&str, &str); 8] = [
    ("error_type", "error.type"),
    ("gen_ai_operation_name", "gen_ai.operation.name"),
    ("gen_ai_provider_name", "gen_ai.provider.name"),
    ("gen_ai_request_model", "gen_ai.request.model"),
    ("gen_ai_token_type", "gen_ai.token.type"),
    ("method", "http.request.method"),
    ("route", "http.route"),
    ("status", "http.response.status_code"),
];

/// Reads the text.
pub(super) fn read(text: &str) -> Vec<Metric> {
    let mut families = Families::default();
    for line in text.lines() {
        match line.strip_prefix("# ") {
            Some(comment) => families.comment(comment),
            None => {
                families.sample(line);
            }
        }
    }
    families.found.into_iter().filter_map(Family::metric).collect()
}

/// One measurement as it stands in the text.
#[derive(Debug)]
struct Family {
    name: String,
    help: String,
    kind: String,
    /// The values of counters and gauges.
    numbers: Vec<Number>,
    /// Distributions by their labels, as written.
    distributions: BTreeMap<String, Distribution>,
}

#[derive(Debug, Default)]
struct Families {
    help: Option<(String, String)>,
    found: Vec<Family>,
}

impl Families {
    /// `HELP name text` or `TYPE name kind`; the help stands first.
    fn comment(&mut self, comment: &str) {
        let mut words = comment.splitn(3, ' ');
        let (Some(what), Some(name), Some(rest)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        if what == "HELP" {
            self.help = Some((name.to_owned(), rest.to_owned()));
        } else if what == "TYPE" {
            let help = self.help.take().filter(|(of, _)| of == name);
            self.found.push(Family {
                name: name.to_owned(),
                help: help.map(|(_, help)| help).unwrap_or_default(),
                kind: rest.to_owned(),
                numbers: Vec::new(),
                distributions: BTreeMap::new(),
            });
        }
    }

    /// `name value` or `name{label="value",…} value`, of the family that was begun last.
    fn sample(&mut self, line: &str) -> Option<()> {
        let family = self.found.last_mut()?;
        let rest = line.strip_prefix(family.name.as_str())?;
        let (head, value) = rest.rsplit_once(' ')?;
        let value: f64 = value.parse().ok()?;
        let (suffix, labels) = match head.split_once('{') {
            Some((suffix, labels)) => (suffix, labels.strip_suffix('}')?),
            None => (head, ""),
        };
        let mut attributes = Vec::new();
        let mut bound = None;
        let mut key = String::new();
        for (label, text) in (Labels { rest: labels }) {
            if label == "le" {
                bound = text.parse::<f64>().ok();
                continue;
            }
            key.push_str(label);
            key.push('=');
            key.push_str(&text);
            key.push('\n');
            attributes.push(attribute(label, text));
        }
        if family.kind != "histogram" {
            family.numbers.push(Number { attributes, value });
            return Some(());
        }
        let one = family.distributions.entry(key).or_default();
        one.attributes = attributes;
        match (suffix, bound) {
            // Counted up to the bound; made counts between bounds at the end.
            ("_bucket", Some(bound)) => {
                one.bounds.push(bound);
                one.counts.push(value as u64);
            }
            ("_sum", _) => one.sum = value,
            _ => {}
        }
        Some(())
    }
}

impl Family {
    fn metric(self) -> Option<Metric> {
        let points = match self.kind.as_str() {
            "counter" => Points::Sum(self.numbers),
            "gauge" => Points::Gauge(self.numbers),
            "histogram" => Points::Histogram(
                self.distributions.into_values().map(Distribution::between_bounds).collect(),
            ),
            _ => return None,
        };
        let (name, unit) = name_and_unit(&self.name);
        Some(Metric { name, description: self.help, unit, points })
    }
}

impl Distribution {
    /// From counts up to each bound, the last of which is infinite, to counts between bounds.
    fn between_bounds(mut self) -> Self {
        self.bounds.retain(|bound| bound.is_finite());
        for index in (1..self.counts.len()).rev() {
            self.counts[index] = self.counts[index].saturating_sub(self.counts[index - 1]);
        }
        self
    }
}

/// `fachwerk_gateway_queue_seconds` is `fachwerk.gateway.queue` in seconds: a collector that exports to
/// Prometheus makes the same name of it again.
fn name_and_unit(name: &str) -> (Cow<'static, str>, &'static str) {
    if let Some((_, known, unit)) = NAMES.into_iter().find(|(ours, ..)| *ours == name) {
        return (Cow::Borrowed(known), unit);
    }
    let name = name.strip_suffix("_total").unwrap_or(name);
    let units = [("_seconds", "s"), ("_bytes", "By"), ("_euros", "EUR")];
    let of_unit = |(end, unit)| Some((name.strip_suffix(end)?, unit));
    let (stem, unit) = units.into_iter().find_map(of_unit).unwrap_or((name, ""));
    (Cow::Owned(stem.replacen('_', ".", 2)), unit)
}

fn attribute(label: &str, text: String) -> Attribute {
    if let Some((_, known)) = LABELS.into_iter().find(|(ours, _)| *ours == label) {
        let number = text.parse().ok().filter(|_| label == "status");
        let value = number.map_or(Value::Text(Cow::Owned(text)), Value::Whole);
        return (Cow::Borrowed(known), value);
    }
    let name = label.strip_prefix("fachwerk_").unwrap_or(label);
    (Cow::Owned(format!("fachwerk.{name}")), Value::Text(Cow::Owned(text)))
}

/// Labels and their values.
struct Labels<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Labels<'t> {
    type Item = (&'t str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (label, quoted) = self.rest.split_once("=\"")?;
        let mut text = String::new();
        let mut chars = quoted.char_indices();
        loop {
            match chars.next()? {
                (at, '"') => {
                    let rest = &quoted[at + 1..];
                    self.rest = rest.strip_prefix(',').unwrap_or(rest);
                    return Some((label, text));
                }
                (_, '\\') => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    other => text.push(other),
                },
                (_, other) => text.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &'static str, value: &str) -> Attribute {
        (Cow::Borrowed(name), Value::Text(Cow::Owned(value.to_owned())))
    }

    #[test]
    fn counters_gauges_and_histograms_are_read_back() {
        let read = read(
            "# HELP fachwerk_http_requests_total Requests answered.\n\
             # TYPE fachwerk_http_requests_total counter\n\
             fachwerk_http_requests_total{method=\"GET\",status=\"200\"} 3\n\n\
             # TYPE fachwerk_gateway_queue_length gauge\n\
             fachwerk_gateway_queue_length{gen_ai_request_model=\"a \\\"b\\\\\"} 0\n\n\
             # TYPE fachwerk_gateway_queue_seconds histogram\n\
             fachwerk_gateway_queue_seconds_bucket{fachwerk_route=\"r\",le=\"0.1\"} 1\n\
             fachwerk_gateway_queue_seconds_bucket{fachwerk_route=\"r\",le=\"1\"} 1\n\
             fachwerk_gateway_queue_seconds_bucket{fachwerk_route=\"r\",le=\"+Inf\"} 4\n\
             fachwerk_gateway_queue_seconds_sum{fachwerk_route=\"r\"} 12.5\n\
             fachwerk_gateway_queue_seconds_count{fachwerk_route=\"r\"} 4\n",
        );
        let [requests, length, queue] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(requests.name, "fachwerk.http.requests");
        assert_eq!(requests.description, "Requests answered.");
        let status = (Cow::Borrowed("http.response.status_code"), Value::Whole(200));
        let attributes = vec![text("http.request.method", "GET"), status];
        assert_eq!(requests.points, Points::Sum(vec![Number { attributes, value: 3.0 }]));
        let attributes = vec![text("gen_ai.request.model", "a \"b\\")];
        assert_eq!(length.points, Points::Gauge(vec![Number { attributes, value: 0.0 }]));
        assert_eq!((queue.name.as_ref(), queue.unit), ("fachwerk.gateway.queue", "s"));
        let expected = Distribution {
            attributes: vec![text("fachwerk.route", "r")],
            sum: 12.5,
            bounds: vec![0.1, 1.0],
            counts: vec![1, 0, 3],
        };
        assert_eq!(queue.points, Points::Histogram(vec![expected]));
    }

    #[test]
    fn names_follow_the_conventions_or_one_rule() {
        for (ours, theirs) in [
            ("gen_ai_client_token_usage", "gen_ai.client.token.usage {token}"),
            ("fachwerk_gateway_in_flight", "fachwerk.gateway.in_flight "),
            ("fachwerk_telemetry_dropped_total", "fachwerk.telemetry.dropped "),
            ("process_resident_memory_bytes", "process.memory.usage By"),
        ] {
            let (name, unit) = name_and_unit(ours);
            assert_eq!(format!("{name} {unit}"), theirs);
        }
    }
}
