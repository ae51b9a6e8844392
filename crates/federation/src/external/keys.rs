//! Filters the key sets of providers: removes the keys that are not meant to verify signatures.

use futures_util::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::Value;

use super::http::{HttpClient, HttpError};

/// Fetches key sets, and keeps the keys that verify signatures. `use` and `key_ops` state the
/// purpose of a key (RFC 7517 §4.2, §4.3), but openidconnect only checks `use`.
pub(crate) struct KeysThatVerify<'a>(pub(super) &'a HttpClient);

impl<'c> AsyncHttpClient<'c> for KeysThatVerify<'_> {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { Ok(self.0.call(request).await?.map(without_others)) })
    }
}

/// Removes the keys that are not meant to verify signatures. Leaves a body that is not a key set
/// unchanged.
fn without_others(body: Vec<u8>) -> Vec<u8> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
        return body;
    };
    let Some(keys) = answer.get_mut("keys").and_then(Value::as_array_mut) else {
        return body;
    };
    keys.retain(verifies);
    answer.to_string().into_bytes()
}

/// Whether a key is meant to verify signatures, by its `use` and `key_ops`.
fn verifies(key: &Value) -> bool {
    let member = |name: &str| key.get(name).filter(|value| !value.is_null());
    let verify = Value::from("verify");

    member("use").is_none_or(|purpose| purpose == "sig")
        && member("key_ops").is_none_or(|operations| {
            operations
                .as_array()
                .is_some_and(|operations| operations.contains(&verify))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_verifies_unless_it_has_another_purpose() {
        for key in [
            json!({}),
            json!({ "use": null, "key_ops": null }),
            json!({ "use": "sig" }),
            json!({ "use": "sig", "key_ops": ["encrypt", "verify"] }),
        ] {
            assert!(verifies(&key), "{key}");
        }

        for key in [
            json!({ "use": "enc" }),
            json!({ "use": "enc", "key_ops": ["verify"] }),
            json!({ "use": "sig", "key_ops": ["wrapKey"] }),
            json!({ "key_ops": ["sign"] }),
            json!({ "key_ops": [] }),
            json!({ "key_ops": "verify" }),
        ] {
            assert!(!verifies(&key), "{key}");
        }
    }

    #[test]
    fn a_body_that_is_not_a_key_set_is_unchanged() {
        for body in [
            "",
            "{",
            "[]",
            r#"{ "issuer":"https://id.example" }"#,
            r#"{"keys":1}"#,
        ] {
            assert_eq!(without_others(body.into()), body.as_bytes());
        }
    }
}
