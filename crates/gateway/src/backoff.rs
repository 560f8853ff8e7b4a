//! How long to wait before trying the same route again.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};
use rand::RngExt as _;

/// The wait before retry number `retry` (from 0): it doubles each time up to `longest`, and a random
/// half of it spreads callers that failed together.
pub(crate) fn delay(first: Duration, longest: Duration, retry: u32) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(retry)).min(longest);
    doubled.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// What the server wishes: seconds, a date, or milliseconds as Azure and OpenAI send them.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1_000.0).ok();
    }
    let wish = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = wish.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(wish).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_bound() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        for retry in 0..40 {
            let whole = first.saturating_mul(2_u32.saturating_pow(retry)).min(longest);
            let delay = delay(first, longest, retry);
            assert!(delay >= whole / 2 && delay <= whole, "{retry}: {delay:?}");
        }
    }

    #[test]
    fn wishes_are_read_in_every_form() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").expect("a date");
        let read = |name: &'static str, value: &'static str| {
            let value = http::HeaderValue::from_static(value);
            retry_after(&HeaderMap::from_iter([(http::HeaderName::from_static(name), value)]), now)
        };
        assert_eq!(read("retry-after", "3"), Some(Duration::from_secs(3)));
        assert_eq!(read("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        let date = "Wed, 21 Oct 2015 07:28:07 GMT";
        assert_eq!(read("retry-after", date), Some(Duration::from_secs(7)));
        let past = "Wed, 21 Oct 2015 07:27:00 GMT";
        assert_eq!(read("retry-after", past), Some(Duration::ZERO));
        assert_eq!(read("retry-after", "-5"), None);
        assert_eq!(read("retry-after", "soon"), None);
    }
}
