-- Accounts, and what waits to be confirmed by mail: sign-ups, new passwords, new addresses.

-- Names ---------------------------------------------------------------------------------------------------------------

-- Names appear in letters, in their subjects and in terminals: none holds a control, separator or format character, and
-- none is blank. These are the characters of `mainstay_kernel::Line`, for statements that bypass it. That type knows
-- more of Unicode.
CREATE FUNCTION mainstay.is_line(name text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path = mainstay, pg_temp
AS $$
    SELECT name !~
            '[\u0001-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff]'
        AND name ~ '[^\s\u00a0\u3000]'
$$;

REVOKE ALL ON FUNCTION mainstay.is_line(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mainstay.is_line(text) TO mainstay_server;


-- Cached principals ---------------------------------------------------------------------------------------------------

-- Replicas keep principals in memory. A change that makes one stale is announced at once by NOTIFY, and is kept here
-- for a replica that missed the announcement.
CREATE TABLE mainstay.access_changes (
    id         bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT access_changes_pkey PRIMARY KEY,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind       text        NOT NULL,
    key        uuid        NOT NULL
);

CREATE INDEX access_changes_changed_at_idx ON mainstay.access_changes (changed_at);

COMMENT ON TABLE mainstay.access_changes IS 'Cached principals that replicas must drop.';
COMMENT ON COLUMN mainstay.access_changes.id IS 'internal: sequence';
COMMENT ON COLUMN mainstay.access_changes.changed_at IS 'internal: by the database''s clock';
COMMENT ON COLUMN mainstay.access_changes.kind IS 'internal: session, user or role';
COMMENT ON COLUMN mainstay.access_changes.key IS 'internal: the session, account or role';

GRANT SELECT, DELETE ON mainstay.access_changes TO mainstay_server;

-- Records and announces a change. Only triggers call it.
CREATE FUNCTION mainstay.announce_access_change(kind text, key uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
    INSERT INTO access_changes (kind, key) VALUES (kind, key);
    SELECT pg_notify('access_changes', kind || ':' || key);
$$;

REVOKE ALL ON FUNCTION mainstay.announce_access_change(text, uuid) FROM PUBLIC;


-- Accounts ------------------------------------------------------------------------------------------------------------

-- A service account is an account without a person: it has a name, and neither an address nor a password. A person who
-- signs in elsewhere has no password.
CREATE TABLE mainstay.users (
    id                  uuid        CONSTRAINT users_pkey PRIMARY KEY,
    data_key            bigint,
    email               bytea,
    email_index         bytea       CONSTRAINT users_email_key UNIQUE,
    password_hash       text,
    active              boolean     NOT NULL DEFAULT true,
    created_at          timestamptz NOT NULL,
    kind                text        NOT NULL DEFAULT 'person'
        CONSTRAINT users_kind_known CHECK (kind IN ('person', 'service')),
    name                text
        CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 1 AND 100)
        CONSTRAINT users_name_line CHECK (mainstay.is_line(name)),
    second_factor       boolean     NOT NULL DEFAULT false,
    credentials_version bigint      NOT NULL DEFAULT 0,
    password_alone      boolean     NOT NULL DEFAULT true,
    CONSTRAINT users_person_has_address
        CHECK (kind = 'service' OR (email IS NOT NULL AND email_index IS NOT NULL AND data_key IS NOT NULL)),
    CONSTRAINT users_service_has_name
        CHECK (kind = 'person' OR (name IS NOT NULL AND password_hash IS NULL))
);

COMMENT ON TABLE mainstay.users IS 'Accounts. One account may belong to several organizations.';
COMMENT ON COLUMN mainstay.users.id IS 'public: UUID v7';
COMMENT ON COLUMN mainstay.users.data_key IS 'internal: the key that seals this row';
COMMENT ON COLUMN mainstay.users.email IS 'personal: sealed';
COMMENT ON COLUMN mainstay.users.email_index IS 'personal: blind index, full length for uniqueness';
COMMENT ON COLUMN mainstay.users.password_hash IS 'secret: argon2id, PHC string';
COMMENT ON COLUMN mainstay.users.active IS 'internal: an inactive account cannot sign in';
COMMENT ON COLUMN mainstay.users.created_at IS 'internal: when it was created';
COMMENT ON COLUMN mainstay.users.kind IS 'internal: person or service';
COMMENT ON COLUMN mainstay.users.name IS 'internal: the name of a service account; null for persons';
COMMENT ON COLUMN mainstay.users.second_factor IS 'internal: whether sign-in takes a second factor';
-- Each verification reads the version, and the statement that acts on the verification demands it again while it holds
-- a lock on the account's row.
COMMENT ON COLUMN mainstay.users.credentials_version IS
    'internal: counts changes of password, address, factors and activity; what was verified before a change is worth '
    'nothing after it';
COMMENT ON COLUMN mainstay.users.password_alone IS
    'internal: whether the password is long enough without a second factor';

GRANT SELECT, INSERT, DELETE ON mainstay.users TO mainstay_server;
GRANT UPDATE (
    data_key, email, email_index, password_hash, active, name, second_factor, credentials_version, password_alone
) ON mainstay.users TO mainstay_server;

CREATE FUNCTION mainstay.announce_user() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = mainstay, pg_temp
AS $$
BEGIN
    PERFORM announce_access_change('user', OLD.id);
    RETURN NULL;
END
$$;

-- A second factor that is added or removed changes what a session must show.
CREATE TRIGGER users_announce
    AFTER UPDATE OF active, second_factor OR DELETE ON mainstay.users
    FOR EACH ROW EXECUTE FUNCTION mainstay.announce_user();

CREATE TRIGGER users_forget_unique_indexes
    AFTER DELETE ON mainstay.users
    FOR EACH ROW EXECUTE FUNCTION mainstay.forget_unique_indexes();


-- What waits to be confirmed ------------------------------------------------------------------------------------------

CREATE TABLE mainstay.sign_ups (
    hash       bytea       CONSTRAINT sign_ups_pkey PRIMARY KEY,
    payload    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX sign_ups_expires_at_idx ON mainstay.sign_ups (expires_at);

COMMENT ON TABLE mainstay.sign_ups IS
    'Requested accounts whose address is not confirmed yet.';
COMMENT ON COLUMN mainstay.sign_ups.hash IS 'secret: SHA-256 of the token that was mailed';
COMMENT ON COLUMN mainstay.sign_ups.payload IS
    'personal: sealed; address, password hash and the organization''s name';
COMMENT ON COLUMN mainstay.sign_ups.created_at IS 'internal: when it was requested';
COMMENT ON COLUMN mainstay.sign_ups.expires_at IS 'internal: when the token expires';

GRANT SELECT, INSERT, DELETE ON mainstay.sign_ups TO mainstay_server;

-- A reset for an address without an account writes the same row as one for an account: neither the statement nor its
-- duration tells who has an account (OWASP ASVS 6.3.8). So user_id has no foreign key, whose check is work that only an
-- existing account causes. A row without an account allows nothing: a token counts only together with its account, and
-- is deleted when it has expired.
CREATE TABLE mainstay.password_resets (
    hash                bytea       CONSTRAINT password_resets_pkey PRIMARY KEY,
    user_id             uuid        NOT NULL,
    created_at          timestamptz NOT NULL,
    expires_at          timestamptz NOT NULL,
    credentials_version bigint      NOT NULL DEFAULT 0
);

CREATE INDEX password_resets_user_id_idx ON mainstay.password_resets (user_id);

COMMENT ON TABLE mainstay.password_resets IS 'Tokens that set a password once.';
COMMENT ON COLUMN mainstay.password_resets.hash IS 'secret: SHA-256 of the token that was mailed';
COMMENT ON COLUMN mainstay.password_resets.user_id IS
    'internal: the account; null if the address has none';
COMMENT ON COLUMN mainstay.password_resets.created_at IS 'internal: when it was requested';
COMMENT ON COLUMN mainstay.password_resets.expires_at IS 'internal: when the token expires';
-- A reset is worth nothing once the credentials that it was asked for have changed, also when its row was written while
-- they were changed.
COMMENT ON COLUMN mainstay.password_resets.credentials_version IS
    'internal: the version of the account''s credentials when it was requested';

GRANT SELECT, INSERT, DELETE ON mainstay.password_resets TO mainstay_server;
-- Upkeep skips rows that others lock (FOR UPDATE SKIP LOCKED), which takes the right to update.
GRANT UPDATE (expires_at) ON mainstay.password_resets TO mainstay_server;

CREATE TABLE mainstay.email_changes (
    user_id          uuid        CONSTRAINT email_changes_pkey PRIMARY KEY
        CONSTRAINT email_changes_user_id_fkey REFERENCES mainstay.users (id) ON DELETE CASCADE,
    email            bytea       NOT NULL,
    email_index      bytea       NOT NULL,
    old_hash         bytea       NOT NULL CONSTRAINT email_changes_old_hash_key UNIQUE,
    new_hash         bytea       NOT NULL CONSTRAINT email_changes_new_hash_key UNIQUE,
    old_confirmed_at timestamptz,
    new_confirmed_at timestamptz,
    applied_at       timestamptz,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL
);

COMMENT ON TABLE mainstay.email_changes IS
    'Changes of address that wait to be confirmed at the old one and at the new one.';
COMMENT ON COLUMN mainstay.email_changes.user_id IS 'internal: the account';
COMMENT ON COLUMN mainstay.email_changes.email IS 'personal: sealed; the new address';
COMMENT ON COLUMN mainstay.email_changes.email_index IS 'personal: its blind index';
COMMENT ON COLUMN mainstay.email_changes.old_hash IS 'secret: SHA-256 of the token mailed to the old address';
COMMENT ON COLUMN mainstay.email_changes.new_hash IS 'secret: SHA-256 of the token mailed to the new address';
COMMENT ON COLUMN mainstay.email_changes.old_confirmed_at IS 'internal: when the old address confirmed it';
COMMENT ON COLUMN mainstay.email_changes.new_confirmed_at IS 'internal: when the new address confirmed it';
COMMENT ON COLUMN mainstay.email_changes.applied_at IS 'internal: when both had, and the address was changed';
COMMENT ON COLUMN mainstay.email_changes.created_at IS 'internal: when it was requested';
COMMENT ON COLUMN mainstay.email_changes.expires_at IS 'internal: when the tokens expire';

GRANT SELECT, INSERT, UPDATE, DELETE ON mainstay.email_changes TO mainstay_server;
