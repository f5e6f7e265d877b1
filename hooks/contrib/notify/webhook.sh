#!/bin/sh
# webhook.sh — hand an event, as JSON with every fact of the call, to an address of yours.
#
# Runs on:   the scheduler: hooks/event_notification_command.d/post-webhook; `event_notifications` filters.
# Knows:     the JSON document on standard input
# Succeeds:  exit 0 once it was taken. It never holds a failover up. Run twice, it tells it twice.
# Retry:     exit 75 (not taken).
# Prints:    one line per step on stderr.
set -eu

# Edit this: a file with the address, readable for the scheduler's user alone.
url_file=/etc/toolkit/webhook.url

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

# The address is a secret: it stands in no argument, and the message comes by standard input.
post() {
    [ -r "$url_file" ] || fail "$url_file can't be read: write the address into it, mode 0600"
    url=$(head -n 1 -- "$url_file")
    case $url in
        http://* | https://*) ;;
        *) fail "$url_file holds no http address" ;;
    esac
    case $url in *[\"\\]*) fail "$url_file holds a quote or a backslash" ;; esac
    curl --config /dev/fd/3 --silent --show-error --fail --max-time 8 --output /dev/null \
        --header 'Content-Type: application/json' --data-binary @- 3<<CONFIG
url = "$url"
CONFIG
}

if [ "${TOOLKIT_DRY_RUN:-0}" = 1 ]; then
    log "dry run: would hand ${TOOLKIT_EVENT:-an event} to the webhook"
    exit 0
fi

post || exit 75
