-- The copies lie in the eleven months before, as the log of a year. The rules of the watch read what is recent.
SELECT mainstay.make_audit_partition(month::date)
FROM generate_series(
    date_trunc('month', now() AT TIME ZONE 'UTC') - interval '12 months',
    date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month',
    interval '1 month'
) AS month;

CREATE TABLE growth.copied_records AS
SELECT r.id AS original, n, r.occurred_at - interval '1 day' - n * (interval '330 days' / (:copies + 1)) AS moment
FROM generate_series(1, :copies) AS n
CROSS JOIN growth.records r;

-- A trigger refuses records that are not of now.
ALTER TABLE mainstay.audit_events DISABLE TRIGGER USER;

-- Of transactions that are sealed already, so that the sealer has none of them to do.
INSERT INTO mainstay.audit_events (
    id, occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, request_id,
    address, before, after, transaction_id
)
SELECT
    growth.record_id(original, n, moment), moment, organization_id, actor_id, session_id, action, operation, resource,
    growth.id(resource_id, n), request_id, address, before, after, transaction_id
FROM growth.copied_records
JOIN growth.records r ON r.id = original;

ALTER TABLE mainstay.audit_events ENABLE TRIGGER USER;

-- Leaves of no tree, far beyond those that the sealer adds.
INSERT INTO mainstay.audit_leaves (index, event_id, hash)
SELECT 1000000000000 + row_number() OVER (), growth.record_id(original, n, moment), sha256(uuid_send(original))
FROM growth.copied_records;
