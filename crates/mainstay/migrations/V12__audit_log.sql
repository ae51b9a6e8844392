-- The audit log: who did what to which row. Append-only, in a partition a month.

-- Partitioned by id: a UUID v7 sorts by time, so the id alone is a primary key.
CREATE TABLE mainstay.audit_events (
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

-- No partial indexes: the condition of one costs every other record more than an entry does.
CREATE INDEX audit_events_organization_id_idx ON mainstay.audit_events (organization_id, id DESC);
CREATE INDEX audit_events_resource_id_idx ON mainstay.audit_events (resource_id, id DESC);
CREATE INDEX audit_events_actor_id_idx ON mainstay.audit_events (actor_id, id DESC);
CREATE INDEX audit_events_transaction_id_idx ON mainstay.audit_events (transaction_id, id);

COMMENT ON TABLE mainstay.audit_events IS
    'Who did what to which row. Append-only: the serving role may insert and read, nothing else.';
COMMENT ON COLUMN mainstay.audit_events.id IS 'public: UUID v7, sorts by time';
COMMENT ON COLUMN mainstay.audit_events.occurred_at IS 'internal: when, by the server''s clock';
COMMENT ON COLUMN mainstay.audit_events.organization_id IS 'internal: whose event it is; null before sign-in';
COMMENT ON COLUMN mainstay.audit_events.actor_id IS 'internal: the account that did it';
COMMENT ON COLUMN mainstay.audit_events.session_id IS 'internal: the session it did it in';
COMMENT ON COLUMN mainstay.audit_events.action IS 'internal: the action, such as customer.updated';
COMMENT ON COLUMN mainstay.audit_events.operation IS 'internal: the operation or command that did it';
COMMENT ON COLUMN mainstay.audit_events.resource IS 'internal: the resource type';
COMMENT ON COLUMN mainstay.audit_events.resource_id IS 'internal: the row';
COMMENT ON COLUMN mainstay.audit_events.request_id IS 'internal: the request, as in the answer and the logs';
COMMENT ON COLUMN mainstay.audit_events.address IS 'personal: the client''s address';
COMMENT ON COLUMN mainstay.audit_events.before IS
    'internal: what was changed, as it was before; personal fields stay sealed';
COMMENT ON COLUMN mainstay.audit_events.after IS
    'internal: what was changed, as it is now; a whole row when it is new; personal fields stay sealed';
COMMENT ON COLUMN mainstay.audit_events.transaction_id IS
    'internal: the transaction that wrote it; the seal waits until all before it have ended';

-- Column by column, without transaction_id: Postgres alone says which transaction wrote a record, so that none is kept
-- from the seal by a false one.
GRANT SELECT ON mainstay.audit_events TO mainstay_server;
GRANT INSERT (
    id, occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, request_id,
    address, before, after
) ON mainstay.audit_events TO mainstay_server;


-- Append-only ---------------------------------------------------------------------------------------------------------

-- Grants stop the serving role. This stops every role that does not disable the trigger first, which itself leaves
-- traces.
CREATE FUNCTION mainstay.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON mainstay.audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.refuse_change();


-- Time and actor of a record ------------------------------------------------------------------------------------------

-- Time and place of a record are checked against the database's clock, and its actor against the sessions: a role that
-- may insert records cannot insert one of yesterday, nor one of an account without a session of that account.

CREATE FUNCTION mainstay.refuse_record_of_another_time() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'a record of % is not of now (%): a clock is wrong, or the record is forged', NEW.occurred_at,
        clock_timestamp() USING ERRCODE = 'datetime_field_overflow';
END
$$;

-- A condition and not a function: it costs next to nothing. The id of a record is a UUID v7, whose time is the place of
-- the record in every listing and decides its partition.
CREATE TRIGGER audit_events_time
    BEFORE INSERT ON mainstay.audit_events
    FOR EACH ROW WHEN (
        NEW.occurred_at NOT BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '1 minute'
        OR abs(
            ('x' || left(replace(NEW.id::text, '-', ''), 12))::bit(48)::bigint
            - date_part('epoch', NEW.occurred_at) * 1000
        ) > 60000
    )
    EXECUTE FUNCTION mainstay.refuse_record_of_another_time();

-- Stable: it reads with the snapshot of the statement, which may be the one that ends the session. It names the schema,
-- because a search path of its own would cost each record more than the check.
CREATE FUNCTION mainstay.check_record_actor() RETURNS trigger
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF EXISTS (SELECT FROM mainstay.sessions WHERE id = NEW.session_id AND user_id = NEW.actor_id)
        OR EXISTS (SELECT FROM mainstay.api_keys WHERE id = NEW.session_id AND user_id = NEW.actor_id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the account has no such session or key' USING ERRCODE = 'invalid_authorization_specification';
END
$$;

CREATE TRIGGER audit_events_actor
    BEFORE INSERT ON mainstay.audit_events
    FOR EACH ROW WHEN (NEW.actor_id IS NOT NULL OR NEW.session_id IS NOT NULL)
    EXECUTE FUNCTION mainstay.check_record_actor();


-- Partitions ----------------------------------------------------------------------------------------------------------

-- Takes the records of a month without a partition, so that no record is ever refused for its time.
--
-- A record with sealed fields is just above the two kilobytes from which Postgres compresses, and ciphertext hardly
-- shrinks: compression would take as long as all else that writes a record. Up to eight kilobytes records stay as they
-- are.
CREATE TABLE mainstay.audit_events_default PARTITION OF mainstay.audit_events DEFAULT
    WITH (toast_tuple_target = 8160);

COMMENT ON TABLE mainstay.audit_events_default IS
    'Records whose id belongs to no month that has a partition: a clock that was wrong, or a month long gone.';

-- A trigger for statements is not inherited: a statement that names a partition bypasses that of the parent.
CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON mainstay.audit_events_default
    FOR EACH STATEMENT EXECUTE FUNCTION mainstay.refuse_change();

-- Makes the partition of a month, unless there is one. False when the default partition already has records of the
-- month: nothing may be taken from it, so they stay there, and so do those that follow them.
CREATE FUNCTION mainstay.make_audit_partition(month date) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = mainstay, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    partition text := 'audit_events_' || to_char(month, 'YYYY_MM');
    first uuid := (
        lpad(to_hex((extract(epoch FROM month::timestamp) * 1000)::bigint), 12, '0') || repeat('0', 20)
    )::uuid;
    next uuid := (
        lpad(to_hex((extract(epoch FROM month + interval '1 month') * 1000)::bigint), 12, '0') || repeat('0', 20)
    )::uuid;
BEGIN
    -- One at a time.
    PERFORM pg_advisory_xact_lock(7218340962);
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM audit_events_default WHERE id >= first AND id < next) THEN
        RETURN false;
    END IF;

    EXECUTE format(
        'CREATE TABLE %I (LIKE audit_events INCLUDING COMMENTS INCLUDING CONSTRAINTS INCLUDING DEFAULTS) '
        'WITH (toast_tuple_target = 8160)',
        partition
    );
    EXECUTE format('COMMENT ON TABLE %I IS %L', partition, 'Records of ' || to_char(month, 'YYYY-MM') || '.');
    EXECUTE format(
        'CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
        partition
    );
    -- Attached and not made in place: reading and writing go on meanwhile.
    EXECUTE format(
        'ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition,
        first,
        next
    );
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION mainstay.make_audit_partition(date) FROM PUBLIC;

-- Makes the partitions of this month and the three that follow. Returns the number of those that cannot be made.
CREATE FUNCTION mainstay.make_audit_partitions() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
    SELECT count(*) FILTER (WHERE NOT make_audit_partition(month::date))
    FROM generate_series(
        date_trunc('month', now() AT TIME ZONE 'UTC'),
        date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months',
        interval '1 month'
    ) AS month
$$;

REVOKE ALL ON FUNCTION mainstay.make_audit_partitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.make_audit_partitions() TO mainstay_server;

SELECT mainstay.make_audit_partitions();
