-- What pgaudit.conf cannot say of single roles. Run by psql as a superuser in the database, once; again does no harm:
--
--     psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname mainstay --file pgaudit.sql
--
-- Only a superuser changes these, so that nobody takes themselves out.

CREATE EXTENSION IF NOT EXISTS pgaudit;

-- The service records its own writes, sealed; what would be left of them here is their number. It may neither change the
-- schema nor grant anything: a line of that kind is an attack.
ALTER ROLE mainstay_server SET pgaudit.log = 'ddl, role';

-- Each person who signs in gets all of it, reads too:
--     ALTER ROLE alice SET pgaudit.log = 'all';
