#!/usr/bin/env bash
# Runs once, when the database's volume is empty: Tongcang's own account, which owns its database and nothing else.
# Order of text is that of the characters' numbers (C), on every machine the same.
set -euo pipefail
: "${DATABASE_PASSWORD:?Set DATABASE_PASSWORD}"

# Read by psql from its environment: what stands on a command line, everybody on the machine can read.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv password DATABASE_PASSWORD
CREATE ROLE tongcang LOGIN PASSWORD :'password';
CREATE DATABASE tongcang OWNER tongcang TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
REVOKE CONNECT ON DATABASE tongcang FROM PUBLIC;
SQL
