-- Time and place of a record are held to the database's clock, and its actor to the sessions that there are: who may insert
-- records cannot insert one of yesterday, nor one of an account without a session of that account.

CREATE FUNCTION refuse_record_of_another_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a record of % is not of now (%): a clock is wrong, or the record is forged', NEW.occurred_at,
        clock_timestamp() USING ERRCODE = 'datetime_field_overflow';
END
$$;

-- A condition and not a function: it costs next to nothing. The id of a record is a UUID v7, whose time is the place of the
-- record in every listing and decides its partition.
CREATE TRIGGER audit_events_time BEFORE INSERT ON audit_events FOR EACH ROW
    WHEN (NEW.occurred_at NOT BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '1 minute'
        OR abs(('x' || left(replace(NEW.id::text, '-', ''), 12))::bit(48)::bigint
            - date_part('epoch', NEW.occurred_at) * 1000) > 60000)
    EXECUTE FUNCTION refuse_record_of_another_time();

-- Stable: it looks with the snapshot of the statement, which may be the one that ends the session.
CREATE FUNCTION check_record_actor() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM public.sessions WHERE id = NEW.session_id AND user_id = NEW.actor_id)
        OR EXISTS (SELECT FROM public.api_keys WHERE id = NEW.session_id AND user_id = NEW.actor_id)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the account has no such session or key' USING ERRCODE = 'invalid_authorization_specification';
END
$$;
CREATE TRIGGER audit_events_actor BEFORE INSERT ON audit_events FOR EACH ROW
    WHEN (NEW.actor_id IS NOT NULL OR NEW.session_id IS NOT NULL)
    EXECUTE FUNCTION check_record_actor();
