#!/bin/sh
# mail.sh — tell an event by mail.
#
# Runs on:   the scheduler: hooks/event_notification_command.d/post-mail; `event_notifications` filters.
# Knows:     TOOLKIT_CLUSTER TOOLKIT_EVENT TOOLKIT_SUCCESS TOOLKIT_NODE_NAME TOOLKIT_DETAILS TOOLKIT_REASON
# Succeeds:  exit 0 once sendmail has taken it. It never holds a failover up. Run twice, it mails twice.
# Retry:     exit 75 (not taken).
# Prints:    one line per step on stderr.
set -eu

# Edit these.
sendmail=/usr/sbin/sendmail
from=toolkit@example.com
to=dba@example.com

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

# A header is one line of plain characters: what comes from elsewhere can't begin another.
header() { printf '%s' "$1" | LC_ALL=C tr '\000-\037\177-\377' ' ' | cut -c 1-200; }

if [ "${TOOLKIT_DRY_RUN:-0}" = 1 ]; then
    log "dry run: would mail ${TOOLKIT_EVENT:-an event} to $to"
    exit 0
fi

how='done'
[ "${TOOLKIT_SUCCESS:-1}" = 1 ] || how=FAILED
{
    printf 'From: %s\nTo: %s\n' "$from" "$to"
    printf 'Subject: %s\n' "$(header "[${TOOLKIT_CLUSTER:-?}] ${TOOLKIT_NODE_NAME:-?}: ${TOOLKIT_EVENT:-?} $how")"
    printf 'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n'
    printf '%s\n\n%s\n' "${TOOLKIT_DETAILS:-}" "${TOOLKIT_REASON:-}"
} | "$sendmail" -i -t || exit 75
