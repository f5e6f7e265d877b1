#!/bin/sh
# haproxy-check.sh: tells HAProxy whether a node of the cluster shop takes writes, or is a standby.
#
# Rendered by `toolkit render` from cluster.yaml. HAProxy runs it as its own user and names the
# server in the environment. Needs psql, a role and its password file, readable for that user:
#   CREATE ROLE haproxy_check LOGIN PASSWORD '...';
set -eu

user=haproxy_check
passfile=/etc/haproxy/pgpass
case ${HAPROXY_PROXY_NAME:?run by HAProxy} in
    *_read) wanted=standby ;;
    *) wanted=read-write ;;
esac

# libpq refuses a session that is not what target_session_attrs asks for.
PGHOST=${HAPROXY_SERVER_ADDR:?} PGPORT=${HAPROXY_SERVER_PORT:?} PGDATABASE=postgres PGUSER=$user \
    PGPASSFILE=$passfile PGTARGETSESSIONATTRS=$wanted PGCONNECT_TIMEOUT=2 \
    exec psql --no-psqlrc --no-password --quiet --command='SELECT 1' >/dev/null 2>&1
