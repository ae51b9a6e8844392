-- The rows that belong to a person's account.

-- Deletes the rows of an account in tables with the column user_id, with their data keys, when the calling statement has
-- deleted the account: also rows that were committed while that statement waited for the account, so it is one
-- statement with a snapshot of its own (see destroy_data_key). The tables may refer to each other. The names come from
-- the code of the modules. Returns what it deleted, for the record of the deletion; null if that is nothing.
CREATE FUNCTION mainstay.delete_own_rows(person uuid, tables text[], resources text[]) RETURNS jsonb
    LANGUAGE plpgsql VOLATILE
    SET search_path = public, pg_temp
AS $$
DECLARE
    deletions text;
    deleted   text;
    gone      jsonb;
BEGIN
    PERFORM mainstay.destroy_data_keys_of(person, person);

    SELECT
        string_agg(
            format('gone_%s AS (DELETE FROM %s WHERE user_id = $1 RETURNING id)', number, name::regclass), ', '
        ),
        string_agg(format('SELECT %L AS resource, id FROM gone_%s', resource, number), ' UNION ALL ')
    INTO deletions, deleted
    FROM unnest(tables, resources) WITH ORDINALITY AS own (name, resource, number);

    IF deletions IS NULL THEN
        RETURN NULL;
    END IF;

    EXECUTE format(
        'WITH %s SELECT jsonb_object_agg(resource, ids)
         FROM (SELECT resource, jsonb_agg(id) AS ids FROM (%s) AS rows GROUP BY resource) AS by_resource',
        deletions, deleted
    )
    INTO gone
    USING person;

    RETURN CASE WHEN gone IS NOT NULL THEN jsonb_build_object('erased_rows', gone) END;
END
$$;

REVOKE ALL ON FUNCTION mainstay.delete_own_rows(uuid, text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.delete_own_rows(uuid, text[], text[]) TO mainstay_server;
