//! Measurements of what happens here: names and labels, as `docs/observability.md` lists them. Labels
//! are codes out of short lists, never anything of a request or a person.

use domain::{LimitScope, Meter, UsageLimit};
use metrics::{Counter, counter, describe_counter};
use store::LimitWarning;

use crate::CacheUse;

const CACHE: &str = "fachwerk_answer_cache_total";
const FINDINGS: &str = "fachwerk_guard_findings_total";
const REFUSALS: &str = "fachwerk_limit_refusals_total";
const WARNINGS: &str = "fachwerk_limit_warnings_total";

/// Says what the measurements are, to whoever shows them. Call it once, after the recorder stands.
///
/// Those whose first event may be the only one for weeks are there from the start, with 0: whoever looks
/// for an increase, as alert rules do, sees none in a counter that begins with 1.
pub fn describe_measurements() {
    describe_counter!(CACHE, "Requests whose answer may be kept, by outcome: hit or miss.");
    describe_counter!(FINDINGS, "Finds of the guard in requests to models, by kind and action.");
    describe_counter!(REFUSALS, "Requests refused by a limit, by its scope and meter.");
    describe_counter!(
        WARNINGS,
        "Warnings that a budget is used up so far, by its scope, meter and percent."
    );
    for used in [CacheUse::Hit, CacheUse::Miss] {
        cache(used).absolute(0);
    }
    for scope in LimitScope::KINDS {
        for meter in Meter::ALL {
            refusals(scope, meter).absolute(0);
            for percent in UsageLimit::WARN_PERCENT.into_iter().filter(|_| meter.is_budget()) {
                warnings(scope, meter, percent).absolute(0);
            }
        }
    }
}

/// A request whose answer may be kept was looked for.
pub(crate) fn looked_up(outcome: CacheUse) {
    cache(outcome).increment(1);
}

/// The guard found something.
pub(crate) fn found(kind: &'static str, action: &'static str, count: usize) {
    counter!(FINDINGS, "kind" => kind, "action" => action).increment(count as u64);
}

/// A limit refused a request.
pub(crate) fn limit_refused(scope: &LimitScope, meter: Meter) {
    refusals(scope.kind(), meter).increment(1);
}

/// Warnings were given.
pub(crate) fn limits_warned(given: &[LimitWarning]) {
    for LimitWarning { scope, meter, percent, .. } in given {
        warnings(scope.kind(), *meter, *percent).increment(1);
    }
}

fn cache(outcome: CacheUse) -> Counter {
    counter!(CACHE, "outcome" => outcome.code())
}

fn refusals(scope: &'static str, meter: Meter) -> Counter {
    counter!(REFUSALS, "scope" => scope, "meter" => meter.code())
}

fn warnings(scope: &'static str, meter: Meter, percent: u64) -> Counter {
    counter!(WARNINGS, "scope" => scope, "meter" => meter.code(), "percent" => percent.to_string())
}
