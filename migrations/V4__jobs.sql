-- Work for later, queued in the statement of the change that asks for it: mail, upkeep, whatever a module brings.

CREATE TABLE jobs (
    id          uuid        CONSTRAINT jobs_pkey PRIMARY KEY,
    kind        text        NOT NULL,
    payload     bytea,
    state       text        NOT NULL DEFAULT 'waiting'
        CONSTRAINT jobs_state_known CHECK (state IN ('waiting', 'running', 'handed_over', 'done', 'failed')),
    attempts    integer     NOT NULL DEFAULT 0,
    run_at      timestamptz NOT NULL,
    claim       uuid,
    leased_until timestamptz,
    created_at  timestamptz NOT NULL,
    finished_at timestamptz,
    error       text
);
CREATE INDEX jobs_due_idx ON jobs (run_at) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_undone_idx ON jobs (state) WHERE state <> 'done';
CREATE INDEX jobs_finished_at_idx ON jobs (finished_at) WHERE finished_at IS NOT NULL;

COMMENT ON TABLE jobs IS 'Work for later, done by the worker, each exactly as often as it says of itself.';
COMMENT ON COLUMN jobs.id IS 'internal: UUID v7; a mail carries it as its Message-ID';
COMMENT ON COLUMN jobs.kind IS 'internal: which handler does it';
COMMENT ON COLUMN jobs.payload IS 'secret: sealed under the key ring; wiped once the work is done';
COMMENT ON COLUMN jobs.state IS 'internal: waiting, running, handed_over, done or failed';
COMMENT ON COLUMN jobs.attempts IS 'internal: how often it was begun';
COMMENT ON COLUMN jobs.run_at IS 'internal: not before; while it runs, the end of the lease';
COMMENT ON COLUMN jobs.claim IS 'internal: the claim that holds it; whoever lost it may not finish it';
COMMENT ON COLUMN jobs.leased_until IS 'internal: until when it is its worker''s alone';
COMMENT ON COLUMN jobs.created_at IS 'internal: when it was queued';
COMMENT ON COLUMN jobs.finished_at IS 'internal: when it was done or given up';
COMMENT ON COLUMN jobs.error IS 'internal: why the last attempt failed; never a value of the payload';

-- Whoever works is told at once; a poll finds what an announcement missed.
CREATE FUNCTION announce_jobs() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_notify('jobs', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER jobs_announce AFTER INSERT ON jobs FOR EACH STATEMENT EXECUTE FUNCTION announce_jobs();

GRANT SELECT, INSERT, DELETE ON jobs TO mainstay_server;
GRANT UPDATE (state, payload, attempts, run_at, claim, leased_until, finished_at, error) ON jobs TO mainstay_server;

-- When upkeep is due: whoever moves the moment forward does it, so that one replica does.
CREATE TABLE periodic_tasks (
    name   text        CONSTRAINT periodic_tasks_pkey PRIMARY KEY,
    due_at timestamptz NOT NULL
);

COMMENT ON TABLE periodic_tasks IS 'The timetable of the worker''s upkeep.';
COMMENT ON COLUMN periodic_tasks.name IS 'internal: which task';
COMMENT ON COLUMN periodic_tasks.due_at IS 'internal: not before';

GRANT SELECT, INSERT, UPDATE ON periodic_tasks TO mainstay_server;
