-- The roles of Mainstay and their database. Run by psql as a superuser (or the administrator of a managed
-- Postgres), before the first `app migrate`; running it again changes nothing but the passwords:
--
--     MAINSTAY_OWNER_PASSWORD=… MAINSTAY_SERVER_PASSWORD=… MAINSTAY_BACKUP_PASSWORD=… \
--         psql --no-psqlrc --set ON_ERROR_STOP=1 --file roles.sql
--
-- mainstay_owner   owns the database and its schema; only `app migrate` signs in with it
-- mainstay_server  serves; it can create nothing, and holds the rights that the migrations grant (ASVS 13.2.2)
-- mainstay_backup  copies the whole cluster (pg_basebackup) and its log of writes; made where its password is given
--
-- Passwords come from the environment, because arguments are visible to every process of the machine.

-- A statement that sets a password must not reach the server's log, whatever its settings are.
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

-- Base backups are a right of their own, which neither of the two has.
\getenv backup_password MAINSTAY_BACKUP_PASSWORD
\if :{?backup_password}
SELECT 'CREATE ROLE mainstay_backup' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mainstay_backup') \gexec
ALTER ROLE mainstay_backup LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE REPLICATION NOBYPASSRLS
    CONNECTION LIMIT 3 PASSWORD :'backup_password';
\endif

-- Whoever works on the schema by hand and cannot have a lock gives up, instead of holding the queue of all who wait behind.
-- `app migrate` waits for less, and tries again.
ALTER ROLE mainstay_owner SET lock_timeout = '10s';
-- The service tells Postgres these limits itself where it connects directly. Behind a pooler it cannot, and these hold; so
-- they do for whoever signs in with its password by hand. The first two are MAINSTAY_DATABASE_STATEMENT_TIMEOUT.
ALTER ROLE mainstay_server SET statement_timeout = '5s';
ALTER ROLE mainstay_server SET lock_timeout = '5s';
ALTER ROLE mainstay_server SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE mainstay_server SET client_connection_check_interval = '1s';
ALTER ROLE mainstay_server SET jit = off;
-- A client that has vanished without a word loses its session within half a minute.
ALTER ROLE mainstay_server SET tcp_keepalives_idle = '10s';
ALTER ROLE mainstay_server SET tcp_keepalives_interval = '5s';
ALTER ROLE mainstay_server SET tcp_keepalives_count = 3;
ALTER ROLE mainstay_server SET tcp_user_timeout = '25s';

SELECT 'CREATE DATABASE mainstay OWNER mainstay_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'mainstay') \gexec

REVOKE ALL ON DATABASE mainstay FROM PUBLIC;
GRANT CONNECT ON DATABASE mainstay TO mainstay_server;

\connect mainstay

-- Nobody creates in the schema but the owner of the database, and nobody looks into it unless a migration says so.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO pg_database_owner;
