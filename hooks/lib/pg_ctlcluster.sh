#!/bin/sh
# pg_ctlcluster.sh — PostgreSQL as a cluster of Debian's postgresql-common, without systemd.
#
# Runs on:   the node, as the PostgreSQL owner, sourced by native.sh.
# Knows:     TOOLKIT_SERVICE (15/main)
# Succeeds:  defines functions only. The cluster's own postgresql.conf includes ours as its last line;
#            its data directory has no character that a shell reads: pg_ctl hands it to one.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

debian_cluster() {
    action=$1
    shift
    pg_ctlcluster --skip-systemctl-redirect "${TOOLKIT_SERVICE%%/*}" "${TOOLKIT_SERVICE#*/}" "$action" "$@" >&2
}

launch() {
    gave_up=no
    (
        unset PGHOST PGPORT PGPASSFILE
        debian_cluster start </dev/null 3>&- 8>&- 9>&-
    ) || gave_up=yes
}

# pg_ctlcluster has waited for the server, and has shown the end of its log.
has_given_up() { [ "$gave_up" = yes ]; }
show_log() { :; }

ask_to_stop() { debian_cluster stop --mode "$1"; }
