//! The forms and client credentials of OAuth 2.

use garde::Validate;
use http::header;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Input, body::read, form::FORM, parameters, text::has_bad_escape};
use crate::{
    CONTENT_TOO_LARGE, INVALID_REQUEST, MALFORMED, Operation, Problem, REQUEST_TIMEOUT, Request,
    UNSUPPORTED_MEDIA_TYPE,
    credentials::{Scheme, authorization, basic},
};

/// A form with the rules of OAuth 2 (RFC 6749 §3.2): unknown parameters are ignored, a parameter
/// without a value counts as missing, and none may be repeated. Problems of the endpoint are
/// `application/json` and have the additional members `error` and `error_description`.
///
/// `T` derives `Deserialize`, `JsonSchema` and `Validate` itself, because `#[input]` refuses
/// unknown fields.
#[derive(Debug)]
pub struct OAuthForm<T>(pub T);

impl<T: DeserializeOwned + JsonSchema + Validate<Context = ()> + Send> Input for OAuthForm<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        let body = read(request, FORM).await?;
        let text = std::str::from_utf8(&body)
            .map_err(|_| INVALID_REQUEST.problem().detail("The body is not UTF-8."))?;
        if has_bad_escape(text) {
            return Err(INVALID_REQUEST
                .problem()
                .detail("The body contains an invalid percent-encoding."));
        }

        let with_value = |pair: &&str| {
            pair.split_once('=')
                .is_some_and(|(_, value)| !value.is_empty())
        };
        let given: Vec<_> = text.split('&').filter(with_value).collect();

        parameters::read("body", &given.join("&"))
            .map(Self)
            .map_err(|problem| problem.of_kind(INVALID_REQUEST))
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.input_schema::<T>();
        operation.body = Some((FORM, schema));
        operation.answers(&[
            INVALID_REQUEST,
            REQUEST_TIMEOUT,
            CONTENT_TOO_LARGE,
            UNSUPPORTED_MEDIA_TYPE,
            MALFORMED,
        ]);
        operation.speaks_oauth = true;
    }
}

/// The id and secret of an OAuth client in `Authorization: Basic …` (RFC 6749 §2.3.1); `None`
/// without the header.
///
/// They are not verified and do not authenticate the caller: the endpoint must check them.
pub struct ClientBasic(pub Option<(String, String)>);

impl Input for ClientBasic {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        if !request.parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }

        // An invalid header is a failed authentication, not a missing one.
        let credentials = authorization(request).and_then(decoded);
        Ok(Self(Some(credentials.unwrap_or_default())))
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.client_may_authenticate = true;
    }
}

/// Decodes the id and secret, each of which is form-encoded (RFC 6749 §2.3.1).
fn decoded((scheme, encoded): (Scheme, &str)) -> Option<(String, String)> {
    let (id, secret) = basic(encoded).filter(|_| scheme == Scheme::Basic)?;
    let form_decoded = |text: &str| {
        Some(
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8()
                .ok()?
                .into_owned(),
        )
    };

    Some((form_decoded(&id)?, form_decoded(&secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_a_basic_credential_are_decoded() {
        // `a%3Ab:c+d%25`
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(
            decoded((Scheme::Basic, "YSUzQWI6YytkJTI1")),
            pair("a:b", "c d%")
        );

        for wrong in [
            (Scheme::Basic, "***"),
            (Scheme::Bearer, "dTpw"),
            (Scheme::Basic, "dXA="),
        ] {
            assert_eq!(decoded(wrong), None, "{wrong:?}");
        }
    }
}
