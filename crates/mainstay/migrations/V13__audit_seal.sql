-- The seal over the audit log: a leaf for each record, and signed checkpoints over the leaves.

-- No foreign key: a month that was exported may be detached, and its leaves stay.
CREATE TABLE mainstay.audit_leaves (
    index    bigint CONSTRAINT audit_leaves_pkey PRIMARY KEY
        CONSTRAINT audit_leaves_from_zero CHECK (index >= 0),
    event_id uuid   NOT NULL CONSTRAINT audit_leaves_event_id_key UNIQUE,
    hash     bytea  NOT NULL CONSTRAINT audit_leaves_hash_length CHECK (octet_length(hash) = 32)
);

COMMENT ON TABLE mainstay.audit_leaves IS
    'The leaves of the Merkle tree (RFC 6962) over the audit log, one for each record.';
COMMENT ON COLUMN mainstay.audit_leaves.index IS 'internal: its index, from 0 without gaps';
COMMENT ON COLUMN mainstay.audit_leaves.event_id IS 'internal: the record';
COMMENT ON COLUMN mainstay.audit_leaves.hash IS
    'internal: SHA-256 of the record''s canonical form behind a zero byte';

CREATE TABLE mainstay.audit_checkpoints (
    size      bigint      CONSTRAINT audit_checkpoints_pkey PRIMARY KEY
        CONSTRAINT audit_checkpoints_not_empty CHECK (size > 0),
    root      bytea       NOT NULL CONSTRAINT audit_checkpoints_root_length CHECK (octet_length(root) = 32),
    frontier  bytea       NOT NULL
        CONSTRAINT audit_checkpoints_frontier_length CHECK (octet_length(frontier) % 32 = 0),
    note      text        NOT NULL,
    watermark xid8        NOT NULL,
    sealed_at timestamptz NOT NULL
);

COMMENT ON TABLE mainstay.audit_checkpoints IS
    'What the log was at some sizes, signed. The first leaves of each later tree are the leaves of each earlier one. '
    'Thinned to one an hour after a day, to one a day after 30.';
COMMENT ON COLUMN mainstay.audit_checkpoints.size IS 'public: the number of leaves';
COMMENT ON COLUMN mainstay.audit_checkpoints.root IS 'public: the root of their tree';
COMMENT ON COLUMN mainstay.audit_checkpoints.frontier IS
    'internal: the roots of its full subtrees from left to right, from which the tree goes on';
COMMENT ON COLUMN mainstay.audit_checkpoints.note IS
    'public: the signed note (C2SP tlog-checkpoint) as it is published';
COMMENT ON COLUMN mainstay.audit_checkpoints.watermark IS
    'internal: records of earlier transactions had been looked at';
COMMENT ON COLUMN mainstay.audit_checkpoints.sealed_at IS 'internal: when, by the sealer''s clock';

CREATE TABLE mainstay.audit_keys (
    number     bigint      CONSTRAINT audit_keys_pkey PRIMARY KEY,
    origin     text        NOT NULL,
    public     bytea       NOT NULL,
    private    bytea       NOT NULL,
    created_at timestamptz NOT NULL
);

COMMENT ON TABLE mainstay.audit_keys IS 'Keys that sign checkpoints; the newest signs.';
COMMENT ON COLUMN mainstay.audit_keys.number IS
    'internal: the order of their making; of two made at once one is left';
COMMENT ON COLUMN mainstay.audit_keys.origin IS 'public: the name of the log in its notes';
COMMENT ON COLUMN mainstay.audit_keys.public IS
    'public: the Ed25519 public key, sealed under the key ring so that only the service can add one';
COMMENT ON COLUMN mainstay.audit_keys.private IS 'secret: the Ed25519 seed, sealed under the key ring';
COMMENT ON COLUMN mainstay.audit_keys.created_at IS 'internal: when it was created';

GRANT SELECT, INSERT ON mainstay.audit_leaves, mainstay.audit_checkpoints, mainstay.audit_keys TO mainstay_server;

CREATE TRIGGER audit_leaves_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON mainstay.audit_leaves
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.refuse_change();

-- Without DELETE, which the trigger audit_checkpoints_needed judges row by row.
CREATE TRIGGER audit_checkpoints_append_only
    BEFORE UPDATE OR TRUNCATE ON mainstay.audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.refuse_change();

-- The owner may reseal a key when the ring rotates: without the ring, the key cannot be replaced by another.
CREATE TRIGGER audit_keys_append_only
    BEFORE UPDATE OF number, origin, created_at OR DELETE OR TRUNCATE ON mainstay.audit_keys
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.refuse_change();


-- Thinning ------------------------------------------------------------------------------------------------------------

-- Whether a checkpoint may be deleted: all of the last day stay, of the 30 days before the last of each hour, of
-- earlier times the last of each day. The newest always stays. Each checkpoint is over all leaves up to its size, so
-- that a later one proves everything that an earlier one did. What was published outside the database is compared with
-- the leaves themselves.
CREATE FUNCTION mainstay.checkpoint_is_superseded(checkpoint bigint, sealed timestamptz) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT sealed < now() - interval '1 day' AND EXISTS (
        SELECT FROM (
            SELECT sealed_at FROM audit_checkpoints WHERE size > checkpoint ORDER BY size LIMIT 1
        ) AS next
        WHERE
            date_trunc(CASE WHEN sealed < now() - interval '30 days' THEN 'day' ELSE 'hour' END, next.sealed_at, 'UTC')
            = date_trunc(CASE WHEN sealed < now() - interval '30 days' THEN 'day' ELSE 'hour' END, sealed, 'UTC')
    )
$$;

REVOKE ALL ON FUNCTION mainstay.checkpoint_is_superseded(bigint, timestamptz) FROM PUBLIC;

-- The rule holds for every role.
CREATE FUNCTION mainstay.refuse_needed_checkpoint() RETURNS trigger
    LANGUAGE plpgsql STABLE
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    IF NOT checkpoint_is_superseded(OLD.size, OLD.sealed_at) THEN
        RAISE EXCEPTION 'the checkpoint of size % is needed', OLD.size USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;

CREATE TRIGGER audit_checkpoints_needed
    BEFORE DELETE ON mainstay.audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION mainstay.refuse_needed_checkpoint();

-- Deletes superseded checkpoints, ten thousand at once at most, and returns their number. The serving role may delete
-- no others.
CREATE FUNCTION mainstay.thin_audit_checkpoints() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
    WITH thinned AS (
        DELETE FROM audit_checkpoints
        WHERE size IN (
            SELECT size
            FROM audit_checkpoints
            WHERE sealed_at < now() - interval '1 day' AND checkpoint_is_superseded(size, sealed_at)
            ORDER BY size
            LIMIT 10000
        )
        RETURNING size
    )
    SELECT count(*) FROM thinned
$$;

REVOKE ALL ON FUNCTION mainstay.thin_audit_checkpoints() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.thin_audit_checkpoints() TO mainstay_server;
