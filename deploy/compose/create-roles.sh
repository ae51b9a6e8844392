#!/bin/sh
# Runs once, when the Postgres image makes its data directory: hands the passwords to roles.sql.
set -eu

MAINSTAY_OWNER_PASSWORD=$(cat /run/postgres-secrets/owner-password)
MAINSTAY_SERVER_PASSWORD=$(cat /run/postgres-secrets/server-password)
export MAINSTAY_OWNER_PASSWORD MAINSTAY_SERVER_PASSWORD

psql --no-psqlrc --set ON_ERROR_STOP=1 --username postgres --dbname postgres --file /etc/postgresql/roles.sql
