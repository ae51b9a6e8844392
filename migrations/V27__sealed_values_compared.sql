-- How often an account searches or sorts by sealed values: who may do it without end reads them by trying.

CREATE TABLE sealed_comparisons (
    account_id uuid        CONSTRAINT sealed_comparisons_pkey PRIMARY KEY
        CONSTRAINT sealed_comparisons_account_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    since      timestamptz NOT NULL,
    count      bigint      NOT NULL
);
COMMENT ON TABLE sealed_comparisons IS 'How many pages an account has searched or sorted by sealed values within an hour: one row an account.';
COMMENT ON COLUMN sealed_comparisons.account_id IS 'internal: the account';
COMMENT ON COLUMN sealed_comparisons.since IS 'internal: when its hour began';
COMMENT ON COLUMN sealed_comparisons.count IS 'internal: how many pages since then';

-- Counts a page, or refuses it with the seconds to wait as the hint. The serving role has no right to the table itself, so
-- that nobody starts the hour again.
CREATE FUNCTION admit_comparison(account uuid, at timestamptz, most bigint) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    counted sealed_comparisons;
BEGIN
    INSERT INTO sealed_comparisons AS c (account_id, since, count) VALUES (account, at, 1)
        ON CONFLICT ON CONSTRAINT sealed_comparisons_pkey DO UPDATE SET
            since = CASE WHEN c.since <= at - interval '1 hour' THEN at ELSE c.since END,
            count = CASE WHEN c.since <= at - interval '1 hour' THEN 1 ELSE c.count + 1 END
        RETURNING * INTO counted;
    IF counted.count > most THEN
        RAISE EXCEPTION 'the account compared sealed values too often' USING
            ERRCODE = 'MS429',
            HINT = greatest(ceil(extract(epoch FROM counted.since + interval '1 hour' - at)), 1)::bigint::text;
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION admit_comparison(uuid, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION admit_comparison(uuid, timestamptz, bigint) TO mainstay_server;
