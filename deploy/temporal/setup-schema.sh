#!/bin/sh
# Brings Temporal's two databases to the schema of this image's version; running it again, or with
# a newer image, only adds what is missing. temporal-sql-tool reads SQL_PASSWORD by itself.
set -eu

sql_tool() {
    database=$1
    shift
    temporal-sql-tool --plugin "$DB" --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" \
        --db "$database" "$@"
}

prepare() {
    sql_tool "$1" setup-schema -v 0.0
    sql_tool "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

prepare temporal temporal
prepare temporal_visibility visibility
