-- The schema of the platform, and the keys under which rows are sealed.
--
-- Every column has a comment that opens with its class: public, internal, personal or secret. A test reads them.
-- The role mainstay_server serves. It gets rights table by table and owns nothing.

COMMENT ON SCHEMA mainstay IS 'The tables and functions of the platform. Those of the app are in the schema public.';

GRANT USAGE ON SCHEMA mainstay TO mainstay_server;
GRANT USAGE ON SCHEMA public TO mainstay_server;


-- Data keys -----------------------------------------------------------------------------------------------------------

CREATE TABLE mainstay.data_keys (
    id              bigint      CONSTRAINT data_keys_pkey PRIMARY KEY,
    organization_id uuid        NOT NULL,
    subject_id      uuid        NOT NULL,
    wrapped         bytea       NOT NULL,
    created_at      timestamptz NOT NULL
);

CREATE INDEX data_keys_subject_id_idx ON mainstay.data_keys (subject_id);

COMMENT ON TABLE mainstay.data_keys IS
    'The key that seals one row''s personal fields, wrapped under the key ring. Destroying it destroys them.';
COMMENT ON COLUMN mainstay.data_keys.id IS 'internal: random; each sealed value names it';
COMMENT ON COLUMN mainstay.data_keys.organization_id IS 'internal: bound to the wrapped key; nil for accounts';
COMMENT ON COLUMN mainstay.data_keys.subject_id IS 'internal: the person whom the sealed fields describe';
COMMENT ON COLUMN mainstay.data_keys.wrapped IS 'secret: AES-256-GCM under a key encryption key';
COMMENT ON COLUMN mainstay.data_keys.created_at IS 'internal: when it was created';

GRANT SELECT, INSERT, DELETE ON mainstay.data_keys TO mainstay_server;

-- Destroys the data key of a row that the calling statement has deleted. A statement that waited for the row while
-- `key-ring reseal` gave it another key does not see that key, which is younger than its snapshot. A volatile function
-- reads with a snapshot of its own.
CREATE FUNCTION mainstay.destroy_data_key(key bigint) RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    DELETE FROM data_keys WHERE id = key;
    RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION mainstay.destroy_data_key(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.destroy_data_key(bigint) TO mainstay_server;

-- Destroys every data key of a person, also those that `key-ring reseal` made while the calling statement waited for
-- their rows: see destroy_data_key.
CREATE FUNCTION mainstay.destroy_data_keys_of(subject uuid, organization uuid) RETURNS bigint
    LANGUAGE plpgsql VOLATILE
    SET search_path = mainstay, pg_temp
AS $$
DECLARE
    destroyed bigint;
BEGIN
    DELETE FROM data_keys WHERE subject_id = subject AND organization_id = organization;
    GET DIAGNOSTICS destroyed = ROW_COUNT;
    RETURN destroyed;
END
$$;

REVOKE ALL ON FUNCTION mainstay.destroy_data_keys_of(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.destroy_data_keys_of(uuid, uuid) TO mainstay_server;


-- Root keys -----------------------------------------------------------------------------------------------------------

-- A key ring has no dates, so the database remembers when it first saw each key.
CREATE TABLE mainstay.root_keys (
    id            bytea       CONSTRAINT root_keys_pkey PRIMARY KEY,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE mainstay.root_keys IS 'Root keys of the key ring, and when they were first used.';
COMMENT ON COLUMN mainstay.root_keys.id IS
    'internal: the four bytes that name the key in what it made; they tell nothing of it';
COMMENT ON COLUMN mainstay.root_keys.first_seen_at IS 'internal: when a process first used it';

GRANT SELECT, INSERT ON mainstay.root_keys TO mainstay_server;


-- Unique values -------------------------------------------------------------------------------------------------------

-- While a ring has two keys, some replicas index under one and some under the other, and a unique constraint on the
-- index sees two values. So a value that must be unique has a row here under each key of the ring that wrote it: two
-- rings that share a key collide.
CREATE TABLE mainstay.unique_indexes (
    digest bytea CONSTRAINT unique_indexes_pkey PRIMARY KEY,
    row_id uuid  NOT NULL
);

CREATE INDEX unique_indexes_row_id_idx ON mainstay.unique_indexes (row_id);

COMMENT ON TABLE mainstay.unique_indexes IS
    'What must be unique, under each key of the ring: addresses of accounts, identities of elsewhere.';
COMMENT ON COLUMN mainstay.unique_indexes.digest IS
    'personal: the index that stands beside the value, and those that other keys of the ring make of it';
COMMENT ON COLUMN mainstay.unique_indexes.row_id IS 'internal: the row that has the value';

GRANT SELECT, INSERT, DELETE ON mainstay.unique_indexes TO mainstay_server;

-- Deletes the unique values of a deleted row, whichever statement deletes it.
CREATE FUNCTION mainstay.forget_unique_indexes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    DELETE FROM unique_indexes WHERE row_id = OLD.id;
    RETURN NULL;
END
$$;
