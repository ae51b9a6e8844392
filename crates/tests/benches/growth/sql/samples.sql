-- What is copied, and how. The copies have the lengths and the spread of what they are copied from.

CREATE SCHEMA growth;

CREATE TABLE growth.customers AS
SELECT c.*, k.wrapped, row_number() OVER (ORDER BY c.id) AS number
FROM customers c
JOIN mainstay.data_keys k ON k.id = c.data_key;

CREATE TABLE growth.records AS
SELECT *
FROM mainstay.audit_events
WHERE action = 'customer.created';

-- Half of the copies belong to other organizations.
CREATE TABLE growth.organizations AS
SELECT number, gen_random_uuid() AS id
FROM generate_series(0, 49) AS number;

INSERT INTO mainstay.organizations (id, name, created_at)
SELECT id, 'Growth ' || number, now()
FROM growth.organizations;

-- The id of a copy. It is of the same millisecond, so that copies and originals are mixed in the indexes.
CREATE FUNCTION growth.id(original uuid, n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT overlay(
        md5(uuid_send(original) || int8send(n))
        PLACING left(encode(uuid_send(original), 'hex'), 13) FROM 1
    )::uuid
$$;

-- The id of a copied record, a UUID v7 of its moment.
CREATE FUNCTION growth.record_id(original uuid, n bigint, moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT overlay(
        md5(uuid_send(original) || int8send(n))
        PLACING lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' FROM 1
    )::uuid
$$;

-- A blind index of a copy.
CREATE FUNCTION growth.blind(purpose bytea, original uuid, n bigint, length integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT substr(sha256(purpose || uuid_send(original) || int8send(n)), 1, length)
$$;

-- The copies of the customers. Those of a lot follow it in the listing: the next lot is 70 days later.
CREATE VIEW growth.copies AS
SELECT
    n,
    growth.id(c.id, n) AS id,
    CASE n % 2 WHEN 0 THEN c.organization_id ELSE others.ids[1 + (c.number + n) % 50] END AS organization_id,
    uuid_hash_extended(c.id, n) AS data_key,
    c.wrapped,
    c.full_name,
    c.email,
    growth.blind('email', c.id, n, octet_length(c.email_index)) AS email_index,
    growth.blind('phone', c.id, n, octet_length(c.email_index)) AS phone_index,
    c.status,
    c.version,
    c.created_at + n * (interval '70 days' / (:copies + 1)) AS created_at
FROM growth.customers c
CROSS JOIN generate_series(1, :copies) AS n
CROSS JOIN (SELECT array_agg(id) AS ids FROM growth.organizations) AS others;

ANALYZE growth.customers, growth.records;
