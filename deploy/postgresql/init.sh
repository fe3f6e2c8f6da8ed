#!/bin/sh
# Runs once, when the volume is empty: one role and its databases for each of the two tenants of
# this server. Neither can read the other's.
set -eu

psql --set=ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres \
    --set=app_password="$APP_DB_PASSWORD" --set=temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE kervan LOGIN PASSWORD :'app_password';
CREATE DATABASE kervan OWNER kervan;
REVOKE CONNECT ON DATABASE kervan FROM PUBLIC;

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE temporal, temporal_visibility FROM PUBLIC;
SQL
