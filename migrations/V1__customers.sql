-- The sample service: customers of an organization.

CREATE TABLE customers (
    id                uuid        CONSTRAINT customers_pkey PRIMARY KEY,
    organization_id   uuid        NOT NULL
        CONSTRAINT customers_organization_id_fkey REFERENCES mainstay.organizations (id),
    data_key          bigint,
    full_name         bytea       NOT NULL,
    email             bytea       NOT NULL,
    email_index       bytea,
    phone             bytea,
    phone_index       bytea,
    date_of_birth     bytea,
    national_id       bytea,
    national_id_index bytea,
    postal_address    bytea,
    notes             bytea,
    status            text        NOT NULL
        CONSTRAINT customers_status_known CHECK (status IN ('lead', 'active', 'inactive', 'blocked')),
    tags              text[]      NOT NULL,
    version           bigint      NOT NULL,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    -- For the foreign keys of rows that belong to a customer: they stay in its organization.
    CONSTRAINT customers_organization_key UNIQUE (organization_id, id),
    -- A row whose person was erased stays as a stub without a key, so that the rows which refer to it hold.
    CONSTRAINT customers_erased_whole CHECK (num_nonnulls(data_key, email_index) IN (0, 2))
);

CREATE INDEX customers_created_at_idx ON customers (organization_id, created_at, id);
CREATE INDEX customers_email_idx ON customers (organization_id, email_index);
CREATE INDEX customers_phone_idx ON customers (organization_id, phone_index);
CREATE INDEX customers_national_id_idx ON customers (organization_id, national_id_index);
CREATE INDEX customers_tags_idx ON customers USING gin (tags);

COMMENT ON TABLE customers IS 'The people whom an organization serves.';
COMMENT ON COLUMN customers.id IS 'public: UUID v7';
COMMENT ON COLUMN customers.organization_id IS 'internal: whose customer';
COMMENT ON COLUMN customers.data_key IS 'internal: the key that seals this row; null once the person was erased';
COMMENT ON COLUMN customers.full_name IS 'personal: sealed';
COMMENT ON COLUMN customers.email IS 'personal: sealed';
COMMENT ON COLUMN customers.email_index IS 'personal: blind index, truncated; null once the person was erased';
COMMENT ON COLUMN customers.phone IS 'personal: sealed';
COMMENT ON COLUMN customers.phone_index IS
    'personal: blind index of the digits, truncated; null until `key-ring rotate index` where the row is older than '
    'the column';
COMMENT ON COLUMN customers.date_of_birth IS 'personal: sealed';
COMMENT ON COLUMN customers.national_id IS 'personal: sealed';
COMMENT ON COLUMN customers.national_id_index IS
    'personal: blind index of letters and digits, truncated; null like phone_index';
COMMENT ON COLUMN customers.postal_address IS 'personal: sealed';
COMMENT ON COLUMN customers.notes IS 'personal: sealed';
COMMENT ON COLUMN customers.status IS 'internal: where the relation stands';
COMMENT ON COLUMN customers.tags IS 'internal: free labels; never personal data';
COMMENT ON COLUMN customers.version IS 'internal: counts changes, for If-Match';
COMMENT ON COLUMN customers.created_at IS 'internal: when it was created';
COMMENT ON COLUMN customers.updated_at IS 'internal: when it last changed';

GRANT SELECT, INSERT, UPDATE, DELETE ON customers TO mainstay_server;
