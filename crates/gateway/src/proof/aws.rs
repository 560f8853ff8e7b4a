//! Signatures after AWS Signature Version 4.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use http::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::Secret;

/// The keys of an account at AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeys {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Secret,
    /// What belongs to keys that hold for a time only.
    pub session_token: Option<Secret>,
    /// The region in which the keys are used, e.g. `eu-central-1`.
    pub region: String,
}

impl AwsKeys {
    /// The headers that sign a POST to `url` with these headers and this body. Of the body only its
    /// hash is handed on.
    pub(crate) fn sign(
        &self,
        service: &str,
        url: &str,
        content_type: Option<&str>,
        body: &[u8],
        time: SystemTime,
    ) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let secret = self.secret_access_key.expose();
        let token = self.session_token.as_ref().map(|token| token.expose().to_owned());
        let identity =
            Credentials::new(&self.access_key_id, secret, token, None, "configuration").into();
        let settings = SigningSettings::default();
        let parts = SigningParams::builder().identity(&identity).region(&self.region);
        let params = parts.name(service).time(time).settings(settings).build().ok()?.into();
        let hash = SignableBody::Precomputed(hex::encode(Sha256::digest(body)));
        let headers = content_type.map(|kind| ("content-type", kind)).into_iter();
        let request = SignableRequest::new("POST", url, headers, hash).ok()?;
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        let (headers, _) = instructions.into_parts();
        let parsed = headers.into_iter().map(|header| {
            let mut value = HeaderValue::from_str(header.value()).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_static(header.name()), value))
        });
        parsed.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 30 August 2015, 12:36, as in all of AWS' vectors.
    const TIME: Duration = Duration::from_secs(1_440_938_160);

    fn authorization(content_type: Option<&str>, url: &str, body: &[u8]) -> String {
        let keys = AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            region: "us-east-1".to_owned(),
        };
        let time = SystemTime::UNIX_EPOCH + TIME;
        let headers = keys.sign("service", url, content_type, body, time).expect("can be signed");
        let value = headers.iter().find(|(name, _)| name == "authorization").expect("is there");
        value.1.to_str().expect("is text").to_owned()
    }

    /// The vectors `post-vanilla`, `post-vanilla-query` and `post-x-www-form-urlencoded` of the test
    /// suite that AWS publishes for the algorithm. G-2.
    #[test]
    fn signatures_are_those_of_the_published_vectors() {
        let expected = |headers: &str, signature: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={headers}, Signature={signature}"
            )
        };
        assert_eq!(
            authorization(None, "https://example.amazonaws.com/", b""),
            expected(
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
            )
        );
        assert_eq!(
            authorization(None, "https://example.amazonaws.com/?Param1=value1", b""),
            expected(
                "host;x-amz-date",
                "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"
            )
        );
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(
            authorization(form, "https://example.amazonaws.com/", b"Param1=value1"),
            expected(
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            )
        );
    }
}
