#!/bin/sh
# Creates Kervan's namespace and search attributes; running it again only adds what is missing.
# The names and types are those of workflows/ids.py.
set -eu

: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${TEMPORAL_RETENTION:=30d}"

ATTRIBUTES="
KervanPhase Keyword
KervanAttention KeywordList
KervanChannel Keyword
KervanWarehouse KeywordList
KervanOrderNumber Keyword
KervanPlacedAt Datetime
KervanDueAt Datetime
"

# The command line tool is given an IPv4 address: with a container's name it can hang on IPv6.
host=${TEMPORAL_ADDRESS%:*}
ip=$(getent ahosts "$host" | awk '/STREAM/ && $1 !~ /:/ {print $1; exit}') || ip=
export TEMPORAL_ADDRESS="${ip:-$host}:${TEMPORAL_ADDRESS##*:}"

# A server that has just started answers before it knows its namespaces.
persistently() {
    attempts=60
    until "$@"; do
        attempts=$((attempts - 1))
        if [ "$attempts" -le 0 ]; then
            echo "gave up: $*" >&2
            return 1
        fi
        sleep 2
    done
}

healthy() {
    temporal operator cluster health >/dev/null 2>&1
}

namespace() {
    temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
        temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" \
            --retention "$TEMPORAL_RETENTION"
}

attribute() {
    temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" |
        awk -v name="$1" -v type="$2" '$1 == name && $2 == type {found = 1} END {exit !found}' ||
        temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
            --name "$1" --type "$2"
}

persistently healthy
persistently namespace
echo "$ATTRIBUTES" | while read -r name type; do
    if [ -n "$name" ]; then
        persistently attribute "$name" "$type"
    fi
done
echo "namespace $TEMPORAL_NAMESPACE is ready"
