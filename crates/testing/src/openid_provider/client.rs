//! Client id and secret of every service under test.

pub(super) const CLIENT_ID: &str = "service-under-test";
pub(super) const CLIENT_SECRET: &str = "the secret of the client";
