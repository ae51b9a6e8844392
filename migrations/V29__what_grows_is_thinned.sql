-- What grows for ever is thinned by rule: checkpoints that later ones of the same hour or day replace, sessions that ended,
-- refresh tokens that were spent long ago.

-- Whether a checkpoint may go: all of the last day stay, of the 30 days before the last of each hour, of earlier times the
-- last of each day. The newest always stays. Each checkpoint is over all leaves up to its size, so that a later one proves
-- whatever an earlier one did; what was published outside the database is compared with the leaves themselves.
CREATE FUNCTION checkpoint_is_superseded(checkpoint bigint, sealed timestamptz) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT sealed < now() - interval '1 day' AND EXISTS (
        SELECT FROM (SELECT sealed_at FROM audit_checkpoints WHERE size > checkpoint ORDER BY size LIMIT 1) AS next
        WHERE date_trunc(CASE WHEN sealed < now() - interval '30 days' THEN 'day' ELSE 'hour' END, next.sealed_at, 'UTC')
            = date_trunc(CASE WHEN sealed < now() - interval '30 days' THEN 'day' ELSE 'hour' END, sealed, 'UTC'))
$$;
REVOKE ALL ON FUNCTION checkpoint_is_superseded(bigint, timestamptz) FROM PUBLIC;

-- The rule holds for everybody: whoever deletes, deletes nothing else.
CREATE FUNCTION refuse_needed_checkpoint() RETURNS trigger
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT checkpoint_is_superseded(OLD.size, OLD.sealed_at) THEN
        RAISE EXCEPTION 'the checkpoint of size % is needed', OLD.size USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
-- Made again below without DELETE, which the next trigger judges row by row.
DROP TRIGGER audit_checkpoints_append_only ON audit_checkpoints;
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoints_needed BEFORE DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION refuse_needed_checkpoint();

-- Deletes what is superseded, ten thousand at once at most, and gives their number. The serving role may ask for no more.
CREATE FUNCTION thin_audit_checkpoints() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH thinned AS (
        DELETE FROM audit_checkpoints WHERE size IN (
            SELECT size FROM audit_checkpoints
            WHERE sealed_at < now() - interval '1 day' AND checkpoint_is_superseded(size, sealed_at)
            ORDER BY size LIMIT 10000)
        RETURNING size)
    SELECT count(*) FROM thinned
$$;
REVOKE ALL ON FUNCTION thin_audit_checkpoints() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION thin_audit_checkpoints() TO mainstay_server;

COMMENT ON TABLE audit_checkpoints IS 'What the log was at some sizes, signed. The first leaves of each later tree are the leaves of each earlier one. Thinned to one an hour after a day, to one a day after 30.';

-- What upkeep looks for.
CREATE INDEX sessions_ended_at_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX refresh_tokens_used_at_idx ON refresh_tokens (used_at) WHERE used_at IS NOT NULL;
