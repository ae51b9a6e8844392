//! Timestamps in requests are converted to UTC or refused, and never cause a server error.

use mainstay_access::BuiltInRole::{Auditor, Owner};
use mainstay_testing::Actor;

use super::start;

/// Timestamps that RFC 3339 does not allow, or that are out of range in UTC.
const REFUSED: [&str; 14] = [
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59.999999999-23:59",
    "0000-01-01T00:00:00Z",
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00%2B00:01",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "-infinity",
    "infinity",
    "2026-01-31T12:00:61Z",
    "2026-01-31T12:00:00",
    "2026-02-30T00:00:00Z",
    "2026-01-31T12:00:00%2B24:00",
    "",
];
const TAKEN: [&str; 6] = [
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59%2B23:59",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-23:59",
    "2016-12-31T23:59:60Z",
    "2026-01-31T12:00:00.123456789-08:00",
];

async fn assert_read(by: &Actor, path: &str, parameters: [&str; 2]) {
    for parameter in parameters {
        for moment in REFUSED {
            let answer = by.get(&format!("{path}?{parameter}={moment}")).await;
            let refused = answer.assert_problem(422, "invalid_input").problem();
            assert_eq!(refused.errors, [format!("query/{parameter}")], "{moment}");
        }
        for moment in TAKEN {
            by.get(&format!("{path}?{parameter}={moment}"))
                .await
                .assert_status(200);
        }
    }
}

#[tokio::test]
async fn a_timestamp_is_converted_to_utc_or_refused() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    assert_read(&owner, "/v1/customers", ["created_from", "created_until"]).await;
    let auditor = app.actor(Auditor).await;
    assert_read(&auditor, "/v1/audit/events", ["from", "until"]).await;
}

/// The offset is converted, not dropped.
#[tokio::test]
async fn a_timestamp_finds_the_same_rows_with_any_offset() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = super::create(&owner, super::customer("Ada", "ada@example.org")).await;
    let created = owner.get(&path).await.json()["created_at"]
        .as_str()
        .unwrap()
        .to_owned();

    let utc = mainstay::kernel::Timestamp::parse(&created)
        .unwrap()
        .inner();
    for hours in [-23, -8, 0, 5, 23] {
        let offset = time::UtcOffset::from_hms(hours, 0, 0).unwrap();
        let text = utc
            .to_offset(offset)
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap();
        let text = text.replace('+', "%2B");

        let found = async |parameter: &str| {
            let listed = owner
                .get(&format!("/v1/customers?{parameter}={text}"))
                .await;
            listed.assert_status(200).json()["items"]
                .as_array()
                .unwrap()
                .len()
        };

        assert_eq!(
            (found("created_from").await, found("created_until").await),
            (1, 0),
            "{text}"
        );
    }
}
