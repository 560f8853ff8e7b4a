//! How routes prove who calls, where that is more than a key in a header.

use gateway::{AwsKeys, KeyHeader, ServiceAccount};

use super::{
    check::{Checker, entry_text},
    declaration::ROUTES,
    raw::RawTable,
    secret::Secret,
};

/// The key that goes into a header, and what takes its place.
type Proof = (Option<Secret>, Option<KeyHeader>);

impl Checker<'_> {
    /// What a route says about signatures and tokens; `None` if there was a mistake.
    pub(super) fn proof(
        &mut self,
        table: &RawTable,
        kind: &str,
        key: Option<Secret>,
    ) -> Option<Proof> {
        let owners = [
            ("aws_access_key_id", "bedrock"),
            ("aws_region", "bedrock"),
            ("aws_session_token_env", "bedrock"),
            ("service_account_file", "vertex"),
        ];
        for (name, owner) in owners {
            if kind != owner && table.values.contains_key(name) {
                self.at_value(table, ROUTES, name, format!("belongs to kind = \"{owner}\""));
                return None;
            }
        }
        if let Some(path) = entry_text(table, "service_account_file") {
            return Some((None, Some(self.service_account(table, &path)?)));
        }
        match entry_text(table, "aws_access_key_id") {
            Some(id) => Some((None, Some(self.aws_keys(table, id, key)?))),
            None => Some((key, None)),
        }
    }

    fn service_account(&mut self, table: &RawTable, path: &str) -> Option<KeyHeader> {
        let read = std::fs::read_to_string(path).map_err(|error| format!("cannot read: {error}"));
        let account = read.and_then(|text| {
            ServiceAccount::parse(&text).map_err(|error| format!("cannot be used: {error}"))
        });
        match account {
            Ok(account) => Some(KeyHeader::Account(account)),
            Err(text) => {
                self.at_value(table, ROUTES, "service_account_file", text);
                None
            }
        }
    }

    fn aws_keys(
        &mut self,
        table: &RawTable,
        access_key_id: String,
        key: Option<Secret>,
    ) -> Option<KeyHeader> {
        let region = entry_text(table, "aws_region");
        let region = region.or_else(|| self.required(table, ROUTES, "aws_region"))?;
        let Some(secret) = key else {
            let text = "needs the secret access key in api_key_env or api_key_file".to_owned();
            self.at_value(table, ROUTES, "aws_access_key_id", text);
            return None;
        };
        let mut session_token = None;
        if let Some(variable) = entry_text(table, "aws_session_token_env") {
            let Some(token) = self.environment.get(&variable) else {
                let text = format!("the environment variable {variable} is not set");
                self.at_value(table, ROUTES, "aws_session_token_env", text);
                return None;
            };
            session_token = Some(gateway::Secret::new(token.trim()));
        }
        let secret_access_key = gateway::Secret::new(secret.expose());
        Some(KeyHeader::Signed(AwsKeys { access_key_id, secret_access_key, session_token, region }))
    }
}

/// Whether a header may carry a key: none that says where a request goes, or how it is read.
pub(super) fn may_carry_key(name: &http::HeaderName) -> bool {
    const KEPT: [&str; 11] = [
        "accept",
        "connection",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let name = name.as_str();
    !KEPT.contains(&name) && !name.starts_with("content-") && !name.starts_with("x-forwarded-")
}
