//! The settings of `[gateway]`, as the gateway takes them.

use std::time::Duration;

use gateway::{
    BreakerSettings, EjectionSettings, HealthSettings, RetryBudgetSettings, RouteCare, Settings,
};

use super::{
    check::{mistake_at, whole},
    mistake::Mistake,
    raw::{Raw, RawTable, Value},
};

pub(super) fn settings(raw: &Raw, mistakes: &mut Vec<Mistake>) -> Settings {
    let ordered = [
        ("backoff_ms", "backoff_max_ms"),
        ("breaker_open_seconds", "breaker_open_max_seconds"),
        ("ejection_seconds", "ejection_max_seconds"),
    ];
    for (least, most) in ordered {
        check_order(raw, (least, most), mistakes);
    }
    let number = |name: &str| whole(raw, &format!("gateway.{name}"));
    let count = |name: &str| u32::try_from(number(name)).unwrap_or(u32::MAX);
    let seconds = |name: &str| Duration::from_secs(number(name));
    let millis = |name: &str| Duration::from_millis(number(name));
    let part = |name: &str| f64::from(count(name)) / 100.0;
    let defaults = Settings::default();
    let built_in = usize::try_from(number("builtin_concurrency")).ok().filter(|most| *most > 0);
    Settings {
        attempts_per_route: count("attempts"),
        backoff_first: millis("backoff_ms"),
        backoff_max: millis("backoff_max_ms"),
        retry_after_max: seconds("retry_after_max_seconds"),
        retry_budget: RetryBudgetSettings {
            per_request: part("retry_percent"),
            always: count("retries_always"),
            window: seconds("retry_window_seconds"),
        },
        health: HealthSettings {
            breaker: BreakerSettings {
                failures_in_a_row: count("breaker_failures"),
                failure_rate: part("breaker_percent"),
                calls_min: count("breaker_calls"),
                window: seconds("breaker_window_seconds"),
                open_first: seconds("breaker_open_seconds"),
                open_max: seconds("breaker_open_max_seconds"),
                probes_max: count("breaker_probes"),
                successes_to_close: count("breaker_successes"),
            },
            ejection: EjectionSettings {
                calls_min: count("ejection_calls"),
                excess: part("ejection_percent"),
                first: seconds("ejection_seconds"),
                longest: seconds("ejection_max_seconds"),
            },
            slow_start: seconds("slow_start_seconds"),
            cool_down_max: seconds("cool_down_max_seconds"),
        },
        built_in_concurrent_max: built_in.unwrap_or(defaults.built_in_concurrent_max),
        seed: None,
        trace_parent: None,
    }
}

/// Where a route differs.
pub(super) fn care(route: &RawTable) -> RouteCare {
    let number = |name: &str| match route.values.get(name).map(|given| &given.value) {
        Some(Value::Whole(number)) => Some(*number),
        _ => None,
    };
    let count = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
    let seconds = |name: &str| number(name).map(Duration::from_secs);
    RouteCare {
        attempts: count("attempts"),
        failures_in_a_row: count("breaker_failures"),
        open_first: seconds("breaker_open_seconds"),
        slow_start: seconds("slow_start_seconds"),
    }
}

fn check_order(raw: &Raw, (least, most): (&str, &str), mistakes: &mut Vec<Mistake>) {
    let path = format!("gateway.{least}");
    let bound = whole(raw, &format!("gateway.{most}"));
    if let Some(given) = raw.values.get(&path)
        && whole(raw, &path) > bound
    {
        mistakes.push(mistake_at(
            given,
            &path,
            format!("must not exceed gateway.{most} ({bound})"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, load_text};

    /// What stands in the reference is what holds without a file.
    #[test]
    fn the_built_in_values_are_those_of_the_gateway() {
        let config = load_text("", &Environment::default()).unwrap();
        assert_eq!(config.gateway, Settings::default());
    }
}
