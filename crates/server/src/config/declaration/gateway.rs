//! The settings of `[gateway]`: how persistent and how careful calls to model servers are.

use super::{Key, Kind, key, whole};

/// Milliseconds: up to a minute.
const MILLIS: Kind = whole(0, 60_000);
/// Seconds: up to an hour.
const SECONDS: Kind = whole(1, 3_600);
const PERCENT: Kind = whole(1, 100);
const SECTION: &str = "gateway";

const fn set(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    key(SECTION, name, kind, Some(default), doc)
}

/// In the order of the reference.
#[rustfmt::skip]
pub(in crate::config) const KEYS: &[Key] = &[
    set("attempts", whole(1, 20), "3",
        "Tries on one route before the next is taken, when the connection broke or the server answered 408, 429 or 5xx."),
    set("backoff_ms", MILLIS, "200",
        "The wait before the second try, in milliseconds; it doubles with each further one, and part of it is random."),
    set("backoff_max_ms", MILLIS, "5000", "The longest such wait."),
    set("retry_after_max_seconds", whole(0, 600), "10",
        "The longest `Retry-After` of a server that a request waits for. Beyond it the next route is taken at once."),
    set("retry_percent", whole(0, 100), "20",
        "Second and further tries of a model, and second attempts beside slow ones, as a share of its requests in `retry_window_seconds`. Beyond it the next route is taken at once, so that a failing server gets no more load by its failure."),
    set("retries_always", whole(0, 10_000), "10", "Such tries in the window that are allowed in any case, for models that are asked rarely."),
    set("retry_window_seconds", SECONDS, "10", "The length of that window."),
    set("breaker_failures", whole(1, 1_000), "5", "So many failures in a row take a route out."),
    set("breaker_percent", PERCENT, "50", "So many failures of a hundred calls within `breaker_window_seconds` take it out too …"),
    set("breaker_calls", whole(1, 100_000), "20", "… if there were at least so many calls."),
    set("breaker_window_seconds", SECONDS, "30", "The length of that window. Siblings are compared over the same."),
    set("breaker_open_seconds", SECONDS, "5", "How long a route is left alone the first time; twice as long each time it fails again soon after."),
    set("breaker_open_max_seconds", SECONDS, "120", "The longest that it is left alone."),
    set("breaker_probes", whole(1, 100), "1", "Requests that may try it at the same time after that."),
    set("breaker_successes", whole(1, 100), "2", "So many of them must succeed to bring it back."),
    set("ejection_percent", PERCENT, "20",
        "A route whose share of failures is so much higher than that of its siblings of the same `order` is left alone."),
    set("ejection_calls", whole(1, 100_000), "10", "Least calls of a route for it to be compared."),
    set("ejection_seconds", SECONDS, "30", "How long it is left alone the first time; as much longer each further time."),
    set("ejection_max_seconds", SECONDS, "300", "The longest that it is left alone."),
    set("slow_start_seconds", whole(0, 3_600), "30", "How long a route that comes back takes less than its share: a tenth at first. 0 gives it the whole share at once."),
    set("cool_down_max_seconds", SECONDS, "120", "The longest that a server may wish to be left alone by `Retry-After`; longer wishes are cut."),
    set("builtin_concurrency", whole(0, 1_000), "0",
        "Answers of the built-in engine at the same time, over all its routes. More wait. 0 stands for the number of processor cores."),
];
