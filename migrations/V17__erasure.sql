-- People can be forgotten: their data keys and blind indexes are destroyed, and what refers to them stands.

-- A row whose person was erased stays as a stub without a key, so that the rows which refer to it hold. No longer demanding
-- the two is no loss: the constraint that comes instead has them stand and go together.
ALTER TABLE customers
    ALTER COLUMN data_key DROP NOT NULL,
    ALTER COLUMN email_index DROP NOT NULL,
    ADD CONSTRAINT customers_erased_whole CHECK (num_nonnulls(data_key, email_index) IN (0, 2));

COMMENT ON COLUMN customers.data_key IS 'internal: the key that seals this row; null once the person was erased';
COMMENT ON COLUMN customers.email_index IS 'personal: blind index, truncated; null once the person was erased';

-- Whenever a key was destroyed, these made Postgres read three whole tables for somebody who still names it. A key and what
-- it seals are written and destroyed by one statement; a row whose key is missing is not found.
ALTER TABLE customers DROP CONSTRAINT customers_data_key_fkey;
-- As above.
ALTER TABLE users DROP CONSTRAINT users_data_key_fkey;
-- As above.
ALTER TABLE invitations DROP CONSTRAINT invitations_data_key_fkey;

-- Destroys every data key of a person, those too that `keys reseal` made while the calling statement waited for their rows:
-- see destroy_data_key.
CREATE FUNCTION destroy_data_keys_of(subject uuid, organization uuid) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
DECLARE
    destroyed bigint;
BEGIN
    DELETE FROM data_keys WHERE subject_id = subject AND organization_id = organization;
    GET DIAGNOSTICS destroyed = ROW_COUNT;
    RETURN destroyed;
END
$$;
REVOKE ALL ON FUNCTION destroy_data_keys_of(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION destroy_data_keys_of(uuid, uuid) TO mainstay_server;
