-- Rows are locked in one order everywhere: organization, account, membership, session.

-- A member is removed with the membership first and the sessions after it; so is an account that is deleted.
CREATE OR REPLACE FUNCTION forget_account(person uuid) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM memberships WHERE user_id = person;
    DELETE FROM sessions WHERE user_id = person;
END
$$;

-- A sweep passes over rows that others lock, which takes the right to lock them.
GRANT UPDATE (expires_at) ON password_resets TO mainstay_server;
