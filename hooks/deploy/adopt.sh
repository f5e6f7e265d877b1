#!/bin/sh
# adopt.sh — have a running server of another set-up read our files beside its own; reloads nothing.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input: nothing is installed.
# Knows:     TOOLKIT_ADOPT (add, or take-back) CONFIG_FILE HBA_FILE of the server (HBA_FILE may be empty),
#            CONFIG_LINES to come last, HBA_LINES to come first, TOOLKIT_STATE_DIR.
# Succeeds:  exit 0; each file as it was is kept beside it as FILE.before-toolkit. 73: can't be written.
# Retry:     at any time: lines that are there are replaced.
# Prints:    nothing.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL

begin='# toolkit: from here its own lines, which toolkit undeploy takes away.'
end='# toolkit: end of its lines.'

without_ours() { # FILE
    awk -v begin="$begin" -v end="$end" \
        '$0 == begin { ours = 1 } !ours { print } $0 == end { ours = 0 }' "$1"
}

ours() { printf '%s\n%s\n%s\n' "$begin" "$1" "$end"; }

config=$(readlink -f -- "$CONFIG_FILE")
hba=''
[ -z "$HBA_FILE" ] || hba=$(readlink -f -- "$HBA_FILE")
for file in "$config" ${hba:+"$hba"}; do
    if [ ! -w "$file" ] || [ ! -w "${file%/*}" ]; then
        printf '%s is not writable\n' "$file" >&2
        exit 73
    fi
done

# Between a beginning without its end and the next one all would be lost.
for file in "$config" ${hba:+"$hba"}; do
    if [ "$(grep -cxF -e "$begin" "$file" || :)" != "$(grep -cxF -e "$end" "$file" || :)" ]; then
        printf '%s: of the two lines around what toolkit has put there one is missing\n' "$file" >&2
        exit 73
    fi
done

# Whoever takes the node away reads there what has to be given back.
printf '%s\n' "$config" ${hba:+"$hba"} >"$TOOLKIT_STATE_DIR/adopted"
sync -- "$TOOLKIT_STATE_DIR/adopted"

for file in "$config" ${hba:+"$hba"}; do
    if ! grep -qxF -e "$begin" "$file"; then
        cp -p -- "$file" "$file.before-toolkit"
        sync -- "$file.before-toolkit"
    fi
    cp -p -- "$file" "$file.toolkit-new"
    {
        if [ "$TOOLKIT_ADOPT" = add ] && [ "$file" = "$hba" ]; then ours "$HBA_LINES"; fi
        without_ours "$file"
        if [ "$TOOLKIT_ADOPT" = add ] && [ "$file" = "$config" ]; then ours "$CONFIG_LINES"; fi
    } >"$file.toolkit-new"
    sync -- "$file.toolkit-new"
    mv -f -- "$file.toolkit-new" "$file"
    sync -- "${file%/*}"
done
