//! What callers read and what operators read.

use std::time::Duration;

use domain::ErrorKind;
use gateway::{Failure, GatewayError, TimeLimit};
use llm::{RequestError, UpstreamError};

#[test]
fn every_error_has_a_kind_a_code_and_a_text() {
    let route = || "rz".to_owned();
    let errors = [
        GatewayError::Unsupported(RequestError::unsupported("tools", "cannot be used")),
        GatewayError::Refused { status: 400, error: UpstreamError::default() },
        GatewayError::Overloaded { retry_after: Some(Duration::from_secs(3)) },
        GatewayError::Upstream { route: route(), failure: Failure::Status(500), source: None },
        GatewayError::TimedOut { route: route(), limit: TimeLimit::Idle },
        GatewayError::TimedOut { route: route(), limit: TimeLimit::Deadline },
    ];
    let kinds: Vec<ErrorKind> = errors.iter().map(GatewayError::kind).collect();
    assert_eq!(
        kinds,
        [
            ErrorKind::Invalid,
            ErrorKind::Invalid,
            ErrorKind::Overloaded,
            ErrorKind::UpstreamFailed,
            ErrorKind::TimedOut,
            ErrorKind::TimedOut,
        ]
    );
    let lines: Vec<String> = errors
        .iter()
        .map(|error| format!("{error}\n  {}", error.body().to_value()["error"]))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}
