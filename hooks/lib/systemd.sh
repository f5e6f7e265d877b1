#!/bin/sh
# systemd.sh — PostgreSQL as a unit of systemd, which starts it at boot; after a crash the scheduler does.
#
# Runs on:   the node, as the PostgreSQL owner, sourced by native.sh.
# Knows:     TOOLKIT_SERVICE (postgresql@15-main.service)
# Succeeds:  defines functions only. sudoers has to allow `systemctl start` and `stop` of the unit.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

# The one place where a hook asks for root: systemd starts and stops units for nobody else.
systemd() {
    if [ "$(id -u)" = 0 ]; then
        systemctl "$@" -- "$TOOLKIT_SERVICE" >&2
    else
        sudo --non-interactive systemctl "$@" -- "$TOOLKIT_SERVICE" >&2
    fi
}

launch() {
    systemd start || {
        show_log
        fail "systemd did not start $TOOLKIT_SERVICE: look as root at journalctl --unit=$TOOLKIT_SERVICE, and at sudoers"
    }
}

# No answer says nothing: whoever is not root asks systemd by D-Bus, which a machine may lack.
has_given_up() {
    case $(systemctl is-active -- "$TOOLKIT_SERVICE") in
        inactive | failed | deactivating | unknown) ;;
        *) return 1 ;;
    esac
}

# The journal is root's, and its groups': what else tells the reason comes with it.
show_log() {
    systemctl status --no-pager --lines=0 -- "$TOOLKIT_SERVICE" >&2 || :
    journalctl --quiet --unit="$TOOLKIT_SERVICE" --lines=20 --no-pager >&2 || :
    # Faults of our configuration, as the server itself tells them.
    "$PG_BINDIR/postgres" -D "$PGDATA" -c "config_file=$TOOLKIT_CONFIG_FILE" -C data_directory >/dev/null || :
}

# systemd first: a unit with a Restart= of its own would start again a server that ends by itself.
ask_to_stop() {
    if [ "$1" != smart ]; then keep_down; fi
    # By hand, too: a server that was started beside its unit is nobody's to stop.
    "$PG_BINDIR/pg_ctl" stop --pgdata="$PGDATA" --mode="$1" --no-wait >&2
}

keep_down() { systemd stop --no-block; }
