-- What operators measure and no process can remember for itself.

ALTER TABLE periodic_tasks ADD COLUMN succeeded_at timestamptz;
COMMENT ON COLUMN periodic_tasks.succeeded_at IS 'internal: when it last ended well; null before';

-- A key ring has no dates. Those that have made data keys are at least as old as the oldest of them.
CREATE TABLE root_keys (
    id            bytea       CONSTRAINT root_keys_pkey PRIMARY KEY,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE root_keys IS 'Since when this database knows each key of the key ring.';
COMMENT ON COLUMN root_keys.id IS 'internal: the four bytes that name the key in what it made; they tell nothing of it';
COMMENT ON COLUMN root_keys.first_seen_at IS 'internal: when a process first came with it';
INSERT INTO root_keys (id, first_seen_at)
    SELECT substring(wrapped FROM 2 FOR 4), min(created_at) FROM data_keys GROUP BY 1;
GRANT SELECT, INSERT ON root_keys TO mainstay_server;
