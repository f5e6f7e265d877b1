#!/bin/sh
# slack.sh — tell an event to a channel of Slack, Mattermost or another that takes its webhooks.
#
# Runs on:   the scheduler: hooks/event_notification_command.d/post-slack; `event_notifications` filters.
# Knows:     TOOLKIT_CLUSTER TOOLKIT_EVENT TOOLKIT_SUCCESS TOOLKIT_NODE_NAME TOOLKIT_DETAILS
# Succeeds:  exit 0 once the message was taken. It never holds a failover up. Run twice, it tells it twice.
# Retry:     exit 75 (not taken).
# Prints:    one line per step on stderr.
set -eu

# Edit this: a file with the address of the webhook, readable for the scheduler's user alone.
url_file=/etc/toolkit/slack.url

log() { printf '%s\n' "$*" >&2; }
fail() {
    log "$*"
    exit 1
}

# A value as a JSON string, whatever it holds.
json() {
    printf '%s' "$1" | LC_ALL=C tr '\000-\011\013-\037\177' ' ' |
        LC_ALL=C sed 's/\\/\\\\/g; s/"/\\"/g' |
        LC_ALL=C awk 'BEGIN { printf "\"" } { printf "%s%s", (NR > 1 ? "\\n" : ""), $0 } END { printf "\"" }'
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
    log "dry run: would tell ${TOOLKIT_EVENT:-an event} to the channel"
    exit 0
fi

sign=:white_check_mark:
[ "${TOOLKIT_SUCCESS:-1}" = 1 ] || sign=:x:
text="$sign *${TOOLKIT_CLUSTER:-?}* ${TOOLKIT_NODE_NAME:-?}: ${TOOLKIT_EVENT:-?}
${TOOLKIT_DETAILS:-}"
printf '{"text": %s}\n' "$(json "$text")" | post || exit 75
