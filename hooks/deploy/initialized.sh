#!/bin/sh
# initialized.sh — the first node's fresh data directory is whole and on the disk: its marker goes away.
#
# Runs on:   the first node, as the PostgreSQL owner, read from standard input behind lib/flush.sh; its
#            server may run by then.
# Knows:     PGDATA TOOLKIT_STATE_DIR.
# Succeeds:  exit 0, and a power cut takes nothing of it.
# Retry:     at any time.
# Prints:    nothing.
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
export PATH

# Without it initdb has flushed each file.
if flushes_whole; then sync --file-system -- "$PGDATA"; fi
rm -f -- "$TOOLKIT_STATE_DIR/initializing"
sync -- "$TOOLKIT_STATE_DIR"
