#!/bin/sh
# nsupdate.sh — let a name of the DNS lead to the node that was opened.
#
# Runs on:   the scheduler: hooks/event_notification_command.d/post-dns
# Knows:     TOOLKIT_EVENT TOOLKIT_SUCCESS TOOLKIT_NODE_NAME TOOLKIT_NODE_HOST
# Succeeds:  exit 0 once the server has taken the record; other events are none of its business. Safe to run twice.
# Retry:     exit 75 (the server refuses or does not answer).
# Prints:    one line per step on stderr.
set -eu

# Edit these. The key (tsig-keygen) is readable for the scheduler's user alone.
server=10.0.0.53
key_file=/etc/toolkit/dns.key
zone=example.com
record=db.example.com
ttl=5

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

# An event of each kind comes here: only a node that was opened moves the clients.
[ "${TOOLKIT_EVENT:-}" = open ] && [ "${TOOLKIT_SUCCESS:-}" = 1 ] || exit 0
case ${TOOLKIT_NODE_HOST:-} in
    '' | -* | *[!A-Za-z0-9._:-]*) fail "'${TOOLKIT_NODE_HOST:-}' is no address" ;;
esac
case $TOOLKIT_NODE_HOST in
    *:*) type=AAAA ;;
    *[!0-9.]*) fail "$TOOLKIT_NODE_HOST is a name: a record needs the address; write addresses as host in cluster.yaml" ;;
    *) type=A ;;
esac
if [ "${TOOLKIT_DRY_RUN:-0}" = 1 ]; then
    log "dry run: would let $record lead to $TOOLKIT_NODE_HOST"
    exit 0
fi

nsupdate -k "$key_file" -t 5 >&2 <<UPDATE || { log "$server has not taken the record: see above"; exit 75; }
server $server
zone $zone
update delete $record. A
update delete $record. AAAA
update add $record. $ttl $type $TOOLKIT_NODE_HOST
send
UPDATE
log "$record leads to ${TOOLKIT_NODE_NAME:-?} ($TOOLKIT_NODE_HOST)"
