//! The key sets of providers, before they are read: a key that is meant for something else is left out.

use futures_util::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::Value;

use super::http::{HttpClient, HttpError};

/// Fetches key sets, and of those the keys that verify signatures. A key says what it is for by `use` and `key_ops`
/// (RFC 7517 §4.2, §4.3), and openidconnect looks at `use` alone.
pub(crate) struct KeysThatVerify<'a>(pub(super) &'a HttpClient);

impl<'c> AsyncHttpClient<'c> for KeysThatVerify<'_> {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { Ok(self.0.call(request).await?.map(without_others)) })
    }
}

/// The body of an answer without the keys that verify nothing. What is no key set stays as it is.
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

/// Whether a key is meant to verify, by all that it says of itself.
fn verifies(key: &Value) -> bool {
    let said = |member: &str| key.get(member).filter(|value| !value.is_null());
    let verify = Value::from("verify");
    said("use").is_none_or(|meant| meant == "sig")
        && said("key_ops").is_none_or(|named| {
            named
                .as_array()
                .is_some_and(|named| named.contains(&verify))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_verifies_unless_it_says_otherwise() {
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
    fn what_is_no_key_set_stays_as_it_is() {
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
