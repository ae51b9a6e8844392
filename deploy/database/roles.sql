-- Creates the roles of Mainstay and their database. Run it with psql as a superuser (or the administrator of a managed
-- Postgres) before the first `app migrate`. Running it again only changes the passwords:
--
--     MAINSTAY_OWNER_PASSWORD=… MAINSTAY_SERVER_PASSWORD=… MAINSTAY_BACKUP_PASSWORD=… \
--         psql --no-psqlrc --set ON_ERROR_STOP=1 --file roles.sql
--
-- mainstay_owner   owns the database and its schema; used only by `app migrate`
-- mainstay_server  serves; cannot create objects, and has the rights that the migrations grant (ASVS 13.2.2)
-- mainstay_backup  copies the whole cluster (pg_basebackup) and its WAL; created only if its password is set
--
-- Passwords come from the environment, because arguments are visible to every process on the machine.

-- Keeps statements that set a password out of the server's log, regardless of its settings.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';

\getenv owner_password MAINSTAY_OWNER_PASSWORD
\getenv server_password MAINSTAY_SERVER_PASSWORD

SELECT 'CREATE ROLE mainstay_owner' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mainstay_owner') \gexec
SELECT 'CREATE ROLE mainstay_server' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mainstay_server') \gexec

ALTER ROLE mainstay_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 5 PASSWORD :'owner_password';
ALTER ROLE mainstay_server LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    CONNECTION LIMIT 150 PASSWORD :'server_password';

-- Base backups need a separate right, which neither of the other roles has.
\getenv backup_password MAINSTAY_BACKUP_PASSWORD
\if :{?backup_password}
SELECT 'CREATE ROLE mainstay_backup' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mainstay_backup') \gexec
ALTER ROLE mainstay_backup LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE REPLICATION NOBYPASSRLS
    CONNECTION LIMIT 3 PASSWORD :'backup_password';
\endif

-- Manual schema changes give up if they do not get a lock, instead of blocking everyone who waits behind them.
-- `app migrate` waits for a shorter time, and retries.
ALTER ROLE mainstay_owner SET lock_timeout = '10s';
-- The service sets these limits on direct connections. Behind a pooler it cannot, so these limits of the role apply, as
-- they do to manual sessions with its password. The first two correspond to MAINSTAY_DATABASE_STATEMENT_TIMEOUT.
ALTER ROLE mainstay_server SET statement_timeout = '5s';
ALTER ROLE mainstay_server SET lock_timeout = '5s';
ALTER ROLE mainstay_server SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE mainstay_server SET client_connection_check_interval = '1s';
ALTER ROLE mainstay_server SET jit = off;
-- A client that disappears silently loses its session within half a minute.
ALTER ROLE mainstay_server SET tcp_keepalives_idle = '10s';
ALTER ROLE mainstay_server SET tcp_keepalives_interval = '5s';
ALTER ROLE mainstay_server SET tcp_keepalives_count = 3;
ALTER ROLE mainstay_server SET tcp_user_timeout = '25s';

SELECT 'CREATE DATABASE mainstay OWNER mainstay_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mainstay') \gexec

REVOKE ALL ON DATABASE mainstay FROM PUBLIC;
GRANT CONNECT ON DATABASE mainstay TO mainstay_server;

\connect mainstay

-- Only the owner of the database can create objects in the schema, and only roles named by a migration can use it.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO pg_database_owner;
