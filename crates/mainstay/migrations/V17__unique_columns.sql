-- The unique sealed columns of features: as for accounts, each value has a row in unique_indexes under each key of the
-- ring that wrote it, so that two replicas with different primary keys find the same conflict.

ALTER TABLE mainstay.unique_indexes ADD COLUMN constraint_name text;

COMMENT ON TABLE mainstay.unique_indexes IS
    'What must be unique, under each key of the ring: addresses of accounts, identities of elsewhere, unique columns.';
COMMENT ON COLUMN mainstay.unique_indexes.constraint_name IS
    'internal: the unique constraint of the feature whose row it is; null for rows of the platform';

-- A repeated value of the same row sets the name again: see unless_taken.
GRANT UPDATE (constraint_name) ON mainstay.unique_indexes TO mainstay_server;

-- The name of the constraint, if the row that has a unique value is none or the same. Otherwise it fails like the
-- constraint itself, so that the error is the same under one key and under two.
CREATE FUNCTION mainstay.unless_taken(constraint_name text, claimant uuid, holder uuid) RETURNS text
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    IF holder <> claimant THEN
        RAISE unique_violation USING
            MESSAGE = 'another row has the same value',
            CONSTRAINT = constraint_name;
    END IF;

    RETURN constraint_name;
END
$$;

REVOKE ALL ON FUNCTION mainstay.unless_taken(text, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.unless_taken(text, uuid, uuid) TO mainstay_server;

-- Deletes a row's values of one unique column before the row is deleted, emptied or gets another value, whichever
-- statement does it. The argument is the name of the constraint. It runs when the row is locked, with a snapshot of its
-- own, so it finds what a concurrent statement has written meanwhile.
CREATE FUNCTION mainstay.release_unique_index() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    DELETE FROM unique_indexes WHERE row_id = OLD.id AND constraint_name = TG_ARGV[0];

    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
