-- Each has a telephone number too, so that its index is as large as that of the address.
INSERT INTO customers (
    id, organization_id, data_key, full_name, email, email_index, phone, phone_index, status, tags, version,
    created_at, updated_at
)
SELECT
    id, organization_id, data_key, full_name, email, email_index, email, phone_index, status,
    ARRAY['label ' || n % 100], version, created_at, created_at
FROM growth.copies;

INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
SELECT data_key, organization_id, id, wrapped, created_at
FROM growth.copies;

-- An account with a session for every ten copies, in one of the other organizations.
CREATE TABLE growth.accounts AS
SELECT n, growth.id(u.id, n) AS id, uuid_hash_extended(u.id, n) AS data_key, u.id AS original
FROM mainstay.users u
CROSS JOIN generate_series(1, :copies * (SELECT count(*) FROM growth.customers) / 10) AS n;

INSERT INTO mainstay.users (id, data_key, email, email_index, password_hash, created_at)
SELECT a.id, a.data_key, u.email, growth.blind('account', u.id, n, octet_length(u.email_index)), u.password_hash, now()
FROM growth.accounts a
JOIN mainstay.users u ON u.id = a.original;

INSERT INTO mainstay.data_keys (id, organization_id, subject_id, wrapped, created_at)
SELECT a.data_key, k.organization_id, a.id, k.wrapped, now()
FROM growth.accounts a
JOIN mainstay.users u ON u.id = a.original
JOIN mainstay.data_keys k ON k.id = u.data_key;

INSERT INTO mainstay.unique_indexes (digest, row_id)
SELECT growth.blind('account', original, n, 32), id
FROM growth.accounts;

INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
SELECT a.id, o.id, '00000000-0000-7000-8000-000000000003', now()
FROM growth.accounts a
JOIN growth.organizations o ON o.number = a.n % 50;

INSERT INTO mainstay.sessions (
    id, user_id, organization_id, created_at, expires_at, authenticated_at, idle_expires_at, last_used_at, user_agent,
    address
)
SELECT
    growth.id(s.id, n), a.id, m.organization_id, s.created_at, s.expires_at, s.authenticated_at, s.idle_expires_at,
    s.last_used_at, s.user_agent, s.address
FROM growth.accounts a
JOIN mainstay.memberships m ON m.user_id = a.id
CROSS JOIN (SELECT * FROM mainstay.sessions LIMIT 1) AS s;
