-- The audit log in monthly partitions, and the seal over it: a leaf for each record, signed checkpoints over the leaves.

-- Made anew below, since a table does not become partitioned; dropped once its rows have moved.
ALTER TABLE audit_events RENAME TO audit_events_whole;
-- Names of indexes are the schema's, and the new table needs them.
ALTER TABLE audit_events_whole RENAME CONSTRAINT audit_events_pkey TO audit_events_whole_pkey;
-- As above.
ALTER INDEX audit_events_organization_id_idx RENAME TO audit_events_whole_organization_id_idx;
-- As above.
ALTER INDEX audit_events_resource_id_idx RENAME TO audit_events_whole_resource_id_idx;

-- By id: a UUID v7 sorts by time, so that the id alone is a primary key.
CREATE TABLE audit_events (
    id              uuid        CONSTRAINT audit_events_pkey PRIMARY KEY,
    occurred_at     timestamptz NOT NULL,
    organization_id uuid,
    actor_id        uuid,
    session_id      uuid,
    action          text        NOT NULL,
    operation       text        NOT NULL,
    resource        text        NOT NULL,
    resource_id     uuid,
    request_id      uuid        NOT NULL,
    address         text,
    before          jsonb,
    after           jsonb,
    transaction_id  xid8        NOT NULL DEFAULT pg_current_xact_id()
) PARTITION BY RANGE (id);
CREATE INDEX audit_events_organization_id_idx ON audit_events (organization_id, id DESC);
CREATE INDEX audit_events_resource_id_idx ON audit_events (organization_id, resource_id, id DESC);
CREATE INDEX audit_events_transaction_id_idx ON audit_events (transaction_id, id);

COMMENT ON TABLE audit_events IS 'Who did what to which row. Append-only: the serving role may insert and read, nothing else.';
COMMENT ON COLUMN audit_events.id IS 'public: UUID v7, sorts by time';
COMMENT ON COLUMN audit_events.occurred_at IS 'internal: when, by the server''s clock';
COMMENT ON COLUMN audit_events.organization_id IS 'internal: whose event it is; null before sign-in';
COMMENT ON COLUMN audit_events.actor_id IS 'internal: the account that did it';
COMMENT ON COLUMN audit_events.session_id IS 'internal: the session it did it in';
COMMENT ON COLUMN audit_events.action IS 'internal: what was done, as in customer.updated';
COMMENT ON COLUMN audit_events.operation IS 'internal: the operation or command that did it';
COMMENT ON COLUMN audit_events.resource IS 'internal: the kind of row';
COMMENT ON COLUMN audit_events.resource_id IS 'internal: the row';
COMMENT ON COLUMN audit_events.request_id IS 'internal: the request, as in the answer and the logs';
COMMENT ON COLUMN audit_events.address IS 'personal: the client''s address';
COMMENT ON COLUMN audit_events.before IS 'internal: what was changed, as it was before; personal fields stay sealed';
COMMENT ON COLUMN audit_events.after IS 'internal: what was changed, as it is now; a whole row when it is new; personal fields stay sealed';
COMMENT ON COLUMN audit_events.transaction_id IS 'internal: the transaction that wrote it; the seal waits until all before it have ended';

-- Column by column: the transaction is what Postgres says it is, and nobody keeps a record from the seal by another one.
GRANT SELECT ON audit_events TO mainstay_server;
GRANT INSERT (id, occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, request_id,
    address, before, after) ON audit_events TO mainstay_server;

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What belongs to no month that was made: no record is ever refused for its time.
CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;
COMMENT ON TABLE audit_events_default IS 'Records whose id belongs to no month that has a partition: a clock that was wrong, or a month long gone.';
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events_default
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The partition of a month, unless there is one. False when records of the month are in the default partition already,
-- from which nothing may be taken away: there they stay, and those that follow them too.
--
-- A trigger for statements is not inherited: whoever names a partition itself would go around the parent's.
CREATE FUNCTION make_audit_partition(month date) RETURNS boolean
    LANGUAGE plpgsql SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    partition text := 'audit_events_' || to_char(month, 'YYYY_MM');
    first uuid := (lpad(to_hex((extract(epoch FROM month::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
    next uuid := (lpad(to_hex((extract(epoch FROM month + interval '1 month') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
BEGIN
    -- One at a time.
    PERFORM pg_advisory_xact_lock(7218340962);
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM audit_events_default WHERE id >= first AND id < next) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE audit_events INCLUDING COMMENTS INCLUDING CONSTRAINTS INCLUDING DEFAULTS)', partition);
    EXECUTE format('COMMENT ON TABLE %I IS %L', partition, 'Records of ' || to_char(month, 'YYYY-MM') || '.');
    EXECUTE format('CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition);
    -- Attached and not made in place: reading and writing go on meanwhile.
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, first, next);
    RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION make_audit_partition(date) FROM PUBLIC;

-- The partitions of this month and the three that follow. Gives the number of those that cannot be made.
CREATE FUNCTION make_audit_partitions() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*) FILTER (WHERE NOT make_audit_partition(month::date))
    FROM generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
        date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months', interval '1 month') AS month
$$;
REVOKE EXECUTE ON FUNCTION make_audit_partitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_audit_partitions() TO mainstay_server;

-- What there is moves into the months in which it was written. It is sealed as it is found: nothing proves what came before.
SELECT make_audit_partitions();
SELECT make_audit_partition(month::date) FROM (
    SELECT DISTINCT date_trunc('month', to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
        AT TIME ZONE 'UTC') AS month
    FROM audit_events_whole
) AS months WHERE month BETWEEN '2020-01-01' AND now() AT TIME ZONE 'UTC';
INSERT INTO audit_events (id, occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id,
    request_id, address, before, after)
    SELECT id, occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, request_id,
        address, before, after FROM audit_events_whole;
-- Its rows have moved.
DROP TABLE audit_events_whole;

CREATE TABLE audit_leaves (
    index    bigint CONSTRAINT audit_leaves_pkey PRIMARY KEY CONSTRAINT audit_leaves_from_zero CHECK (index >= 0),
    event_id uuid   NOT NULL CONSTRAINT audit_leaves_event_id_key UNIQUE,
    hash     bytea  NOT NULL CONSTRAINT audit_leaves_hash_length CHECK (octet_length(hash) = 32)
);
-- No foreign key: a month that was exported may be detached, and its leaves stay.
COMMENT ON TABLE audit_leaves IS 'The leaves of the Merkle tree (RFC 6962) over the audit log, one for each record.';
COMMENT ON COLUMN audit_leaves.index IS 'internal: its place, from 0 without a gap';
COMMENT ON COLUMN audit_leaves.event_id IS 'internal: the record';
COMMENT ON COLUMN audit_leaves.hash IS 'internal: SHA-256 of the record''s canonical form behind a zero byte';

CREATE TABLE audit_checkpoints (
    size      bigint      CONSTRAINT audit_checkpoints_pkey PRIMARY KEY CONSTRAINT audit_checkpoints_not_empty CHECK (size > 0),
    root      bytea       NOT NULL CONSTRAINT audit_checkpoints_root_length CHECK (octet_length(root) = 32),
    frontier  bytea       NOT NULL CONSTRAINT audit_checkpoints_frontier_length CHECK (octet_length(frontier) % 32 = 0),
    note      text        NOT NULL,
    watermark xid8        NOT NULL,
    sealed_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_checkpoints IS 'What the log was at some sizes, signed. The first leaves of each later tree are the leaves of each earlier one.';
COMMENT ON COLUMN audit_checkpoints.size IS 'public: how many leaves it is about';
COMMENT ON COLUMN audit_checkpoints.root IS 'public: the root of their tree';
COMMENT ON COLUMN audit_checkpoints.frontier IS 'internal: the roots of its full subtrees from left to right, from which the tree goes on';
COMMENT ON COLUMN audit_checkpoints.note IS 'public: the signed note (C2SP tlog-checkpoint) as it is published';
COMMENT ON COLUMN audit_checkpoints.watermark IS 'internal: records of earlier transactions had been looked at';
COMMENT ON COLUMN audit_checkpoints.sealed_at IS 'internal: when, by the sealer''s clock';

CREATE TABLE audit_keys (
    number     bigint      CONSTRAINT audit_keys_pkey PRIMARY KEY,
    origin     text        NOT NULL,
    public     bytea       NOT NULL,
    private    bytea       NOT NULL,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_keys IS 'Keys that sign checkpoints; the newest signs.';
COMMENT ON COLUMN audit_keys.number IS 'internal: the order of their making; of two made at once one is left';
COMMENT ON COLUMN audit_keys.origin IS 'public: what the log is called in its notes';
COMMENT ON COLUMN audit_keys.public IS 'public: the Ed25519 public key, sealed under the key ring so that nobody else can add one';
COMMENT ON COLUMN audit_keys.private IS 'secret: the Ed25519 seed, sealed under the key ring';
COMMENT ON COLUMN audit_keys.created_at IS 'internal: when it was made';

GRANT SELECT, INSERT ON audit_leaves, audit_checkpoints, audit_keys TO mainstay_server;

CREATE TRIGGER audit_leaves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_leaves
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- The owner may seal a key anew when the ring rotates: without the ring, nobody can make it another one.
CREATE TRIGGER audit_keys_append_only BEFORE UPDATE OF number, origin, created_at OR DELETE OR TRUNCATE ON audit_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
