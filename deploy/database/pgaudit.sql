-- Settings for single roles that pgaudit.conf cannot express. Run it with psql as a superuser. Repeating it is harmless:
--
--     psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname mainstay --file pgaudit.sql
--
-- Only a superuser can change these settings, so no one can exclude themselves.

CREATE EXTENSION IF NOT EXISTS pgaudit;

-- The service records its own writes in the sealed audit log. It cannot change the schema or grant rights: a log line
-- of that kind is an attack.
ALTER ROLE mainstay_server SET pgaudit.log = 'ddl, role';

-- Log everything for each person, including reads:
--     ALTER ROLE alice SET pgaudit.log = 'all';
