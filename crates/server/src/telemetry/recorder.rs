//! Counts, and writes what was counted as the text that Prometheus reads (its exposition format 0.0.4).
//! Knows no names beside those of the buckets.
//!
//! A distribution is counted in its buckets at once: nothing piles up until somebody reads it, and reading
//! costs a line for each bucket.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{Display, Write as _},
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit,
    atomics::AtomicU64,
};
use metrics_util::registry::{Registry, Storage};

/// Upper bounds of the buckets of a distribution, by its name.
pub(super) type Buckets = fn(&str) -> &'static [f64];

/// What was counted; clones share it.
#[derive(Clone)]
pub(super) struct Recorder {
    counted: Arc<Counted>,
}

struct Counted {
    registry: Registry<Key, Series>,
    help: RwLock<HashMap<String, SharedString>>,
}

/// Makes the values behind the names.
struct Series {
    buckets: Buckets,
}

impl Storage<Key> for Series {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Distribution>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        Arc::new(Distribution::new((self.buckets)(key.name())))
    }
}

/// How often values fell between two bounds, and their sum.
struct Distribution {
    bounds: &'static [f64],
    /// One for each bound, and one for what is above all.
    counts: Box<[AtomicU64]>,
    /// The bits of a floating-point number.
    sum: AtomicU64,
}

impl Distribution {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Self { bounds, counts, sum: AtomicU64::default() }
    }

    /// How many values were no larger than each bound, and how many there were.
    fn cumulated(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().scan(0_u64, |before, count| {
            *before = before.wrapping_add(count.load(Ordering::Relaxed));
            Some(*before)
        })
    }
}

impl HistogramFn for Distribution {
    fn record(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let add = |sum| Some((f64::from_bits(sum) + value).to_bits());
        // It is tried until it comes about.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl Recorder {
    pub fn new(buckets: Buckets) -> Self {
        let registry = Registry::new(Series { buckets });
        Self { counted: Arc::new(Counted { registry, help: RwLock::default() }) }
    }

    /// Everything that was counted so far, by name and labels.
    pub fn render(&self) -> String {
        let registry = &self.counted.registry;
        let mut text = String::new();
        let counters = registry.get_counter_handles();
        for (name, series) in by_name(&counters) {
            self.write_head(&mut text, name, "counter");
            for (labels, counter) in series {
                write_line(&mut text, (name, ""), (&labels, ""), counter.load(Ordering::Relaxed));
            }
        }
        let gauges = registry.get_gauge_handles();
        for (name, series) in by_name(&gauges) {
            self.write_head(&mut text, name, "gauge");
            for (labels, gauge) in series {
                let value = f64::from_bits(gauge.load(Ordering::Relaxed));
                write_line(&mut text, (name, ""), (&labels, ""), value);
            }
        }
        let histograms = registry.get_histogram_handles();
        for (name, series) in by_name(&histograms) {
            self.write_head(&mut text, name, "histogram");
            let bounds = (registry.storage().buckets)(name).iter().map(ToString::to_string);
            let bounds = bounds.chain(["+Inf".to_owned()]).map(|bound| format!("le=\"{bound}\""));
            let bounds: Vec<String> = bounds.collect();
            for (labels, distribution) in series {
                let mut count = 0;
                for (bound, below) in bounds.iter().zip(distribution.cumulated()) {
                    write_line(&mut text, (name, "_bucket"), (&labels, bound), below);
                    count = below;
                }
                let sum = f64::from_bits(distribution.sum.load(Ordering::Relaxed));
                write_line(&mut text, (name, "_sum"), (&labels, ""), sum);
                write_line(&mut text, (name, "_count"), (&labels, ""), count);
            }
        }
        text
    }

    fn write_head(&self, text: &mut String, name: &str, kind: &str) {
        let help = self.counted.help.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(help) = help.get(name) {
            let _ =
                writeln!(text, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', "\\n"));
        }
        let _ = writeln!(text, "# TYPE {name} {kind}");
    }

    fn describe(&self, name: &KeyName, help: SharedString) {
        let mut all = self.counted.help.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.as_str().to_owned(), help);
    }
}

/// The series of each name, with their labels as they are written.
fn by_name<'h, H>(
    handles: impl IntoIterator<Item = (&'h Key, &'h H)>,
) -> BTreeMap<&'h str, BTreeMap<String, &'h H>> {
    let mut all: BTreeMap<&str, BTreeMap<String, &H>> = BTreeMap::new();
    for (key, handle) in handles {
        all.entry(key.name()).or_default().insert(labels_of(key), handle);
    }
    all
}

fn labels_of(key: &Key) -> String {
    let mut labels = String::new();
    for label in key.labels() {
        let separator = if labels.is_empty() { "" } else { "," };
        let value = label.value().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(labels, "{separator}{}=\"{value}\"", label.key());
    }
    labels
}

fn write_line(
    text: &mut String,
    (name, part): (&str, &str),
    (labels, bound): (&str, &str),
    value: impl Display,
) {
    text.push_str(name);
    text.push_str(part);
    if !labels.is_empty() || !bound.is_empty() {
        text.push('{');
        text.push_str(labels);
        if !labels.is_empty() && !bound.is_empty() {
            text.push(',');
        }
        text.push_str(bound);
        text.push('}');
    }
    // A text takes whatever is written to it.
    let _ = writeln!(text, " {value}");
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, help);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, help);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let registry = &self.counted.registry;
        registry.get_or_create_counter(key, |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let registry = &self.counted.registry;
        registry.get_or_create_gauge(key, |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let registry = &self.counted.registry;
        registry.get_or_create_histogram(key, |found| Histogram::from_arc(Arc::clone(found)))
    }
}

#[cfg(test)]
mod tests {
    use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

    use super::*;

    #[test]
    fn what_was_counted_is_written_as_prometheus_reads_it() {
        let recorder = Recorder::new(|_| &[0.5, 1.0]);
        with_local_recorder(&recorder, || {
            describe_counter!("asked_total", "Asked.\nTwice.");
            counter!("asked_total", "model" => "b").increment(2);
            counter!("asked_total", "model" => "a\"\\\n", "way" => "x").absolute(0);
            gauge!("waiting").set(1.5);
            gauge!("waiting").decrement(1.0);
            for value in [0.5, 0.75, 7.0] {
                histogram!("seconds", "way" => "x").record(value);
            }
        });
        let expected = "# HELP asked_total Asked.\\nTwice.\n\
            # TYPE asked_total counter\n\
            asked_total{model=\"a\\\"\\\\\\n\",way=\"x\"} 0\n\
            asked_total{model=\"b\"} 2\n\
            # TYPE waiting gauge\n\
            waiting 0.5\n\
            # TYPE seconds histogram\n\
            seconds_bucket{way=\"x\",le=\"0.5\"} 1\n\
            seconds_bucket{way=\"x\",le=\"1\"} 2\n\
            seconds_bucket{way=\"x\",le=\"+Inf\"} 3\n\
            seconds_sum{way=\"x\"} 8.25\n\
            seconds_count{way=\"x\"} 3\n";
        assert_eq!(recorder.render(), expected);
    }

    #[test]
    fn nothing_is_lost_among_threads() {
        let recorder = Recorder::new(|_| &[1.0]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    with_local_recorder(&recorder, || {
                        (0..10_000).for_each(|_| histogram!("seconds").record(0.5));
                    });
                });
            }
        });
        let text = recorder.render();
        assert!(text.contains("seconds_sum 20000\nseconds_count 40000\n"), "{text}");
    }
}
