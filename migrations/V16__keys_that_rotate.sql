-- Keys that rotate: uniqueness that holds while two keys of the ring make indexes, data keys that are destroyed although
-- they were remade a moment ago, and two more ways to find a customer.

ALTER TABLE customers ADD COLUMN phone_index bytea, ADD COLUMN national_id_index bytea;
CREATE INDEX customers_phone_idx ON customers (organization_id, phone_index);
CREATE INDEX customers_national_id_idx ON customers (organization_id, national_id_index);
COMMENT ON COLUMN customers.phone_index IS 'personal: blind index of the digits, truncated; null until `keys rotate index` where the row is older than the column';
COMMENT ON COLUMN customers.national_id_index IS 'personal: blind index of letters and digits, truncated; null like phone_index';

-- Whoever deletes a data key asks each table that refers to keys whether it still does.
CREATE INDEX customers_data_key_idx ON customers (data_key);
CREATE INDEX users_data_key_idx ON users (data_key);
CREATE INDEX invitations_data_key_idx ON invitations (data_key);

-- While a ring has two keys, some replicas index under one and some under the other, and a unique constraint on the index
-- sees two values. So whatever must be unique stands here under each key of the ring that wrote it: two rings that share a
-- key meet.
CREATE TABLE unique_indexes (
    digest bytea CONSTRAINT unique_indexes_pkey PRIMARY KEY,
    row_id uuid  NOT NULL
);
CREATE INDEX unique_indexes_row_id_idx ON unique_indexes (row_id);
COMMENT ON TABLE unique_indexes IS 'What must be unique, under each key of the ring: addresses of accounts, identities of elsewhere.';
COMMENT ON COLUMN unique_indexes.digest IS 'personal: the index that stands beside the value, and those that other keys of the ring make of it';
COMMENT ON COLUMN unique_indexes.row_id IS 'internal: the row that has the value';
INSERT INTO unique_indexes (digest, row_id) SELECT email_index, id FROM users WHERE email_index IS NOT NULL;
INSERT INTO unique_indexes (digest, row_id) SELECT subject_index, id FROM external_identities;
GRANT SELECT, INSERT, DELETE ON unique_indexes TO mainstay_server;

-- They go with their row, whichever statement takes it away.
CREATE FUNCTION forget_unique_indexes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM unique_indexes WHERE row_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER users_forget_unique_indexes AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION forget_unique_indexes();
CREATE TRIGGER external_identities_forget_unique_indexes AFTER DELETE ON external_identities
    FOR EACH ROW EXECUTE FUNCTION forget_unique_indexes();

-- Destroys the data key of a row that the calling statement has deleted. A statement that waited for the row while
-- `keys reseal` gave it another key does not see that key, which is younger than its snapshot; a function that may write
-- looks with a snapshot of its own.
CREATE FUNCTION destroy_data_key(key bigint) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM data_keys WHERE id = key;
    RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION destroy_data_key(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION destroy_data_key(bigint) TO mainstay_server;
