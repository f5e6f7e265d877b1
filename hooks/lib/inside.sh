#!/bin/sh
# inside.sh — PostgreSQL from within its container, whose only server it is.
#
# Runs on:   the container of a docker node, or one of the same volume, sourced by native.sh.
# Knows:     nothing more.
# Succeeds:  defines functions only. The machine starts and stops the container, and so the server.
# Retry:     nothing to retry.
# Prints:    nothing by itself.

# All but the start is done: docker.sh goes on with it, on the machine.
start_postgres() { exit 10; }

# When the server ends, its container does, and whoever waits in it.
has_given_up() { return 1; }
