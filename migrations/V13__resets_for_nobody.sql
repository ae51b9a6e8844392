-- A reset for an address without an account writes the same row as one for an account: what the database does, and how
-- long it takes, tells nobody who has an account (OWASP ASVS 6.3.8).

-- Checking the reference is work that only an existing account causes. A row of nobody, or of an account that is no more,
-- allows nothing: a token counts only together with its account, and is cleared when it has run out.
ALTER TABLE password_resets DROP CONSTRAINT password_resets_user_id_fkey;

COMMENT ON COLUMN password_resets.user_id IS 'internal: whose password; of nobody where the address has no account';
