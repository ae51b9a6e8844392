-- A write costs less: indexes that nothing asks any more are gone, and Postgres no longer compresses each record.

-- They were for the foreign keys that are gone since people can be erased.
DROP INDEX customers_data_key_idx;
-- As above.
DROP INDEX users_data_key_idx;
-- As above.
DROP INDEX invitations_data_key_idx;

-- An index on some of the records costs each of the others its condition, which is more than an entry.
DROP INDEX audit_events_sign_ins_idx;
-- As above.
DROP INDEX audit_events_reveals_idx;
-- What it found is found without the organization, too.
DROP INDEX audit_events_resource_id_idx;
CREATE INDEX audit_events_resource_id_idx ON audit_events (resource_id, id DESC);
CREATE INDEX audit_events_actor_id_idx ON audit_events (actor_id, id DESC);

-- Records of sealed rows are just above the two kilobytes from which Postgres compresses, and ciphertext hardly shrinks: it
-- took as long as all else that writes a record. Up to eight kilobytes they stay as they are.
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_events'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 8160)', partition);
    END LOOP;
END
$$;

-- As it was, but for that setting.
CREATE OR REPLACE FUNCTION make_audit_partition(month date) RETURNS boolean
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
    EXECUTE format('CREATE TABLE %I (LIKE audit_events INCLUDING COMMENTS INCLUDING CONSTRAINTS INCLUDING DEFAULTS) '
        'WITH (toast_tuple_target = 8160)', partition);
    EXECUTE format('COMMENT ON TABLE %I IS %L', partition, 'Records of ' || to_char(month, 'YYYY-MM') || '.');
    EXECUTE format('CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition);
    -- Attached and not made in place: reading and writing go on meanwhile.
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', partition, first, next);
    RETURN true;
END
$$;
