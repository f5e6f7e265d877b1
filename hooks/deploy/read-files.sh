#!/bin/sh
# read-files.sh — hand out files of a node for `toolkit render --diff`; changes nothing.
#
# Runs on:   the node, as the PostgreSQL owner, read from standard input: nothing is installed.
# Knows:     arguments: the files' paths.
# Succeeds:  exit 0; the last line is end.
# Retry:     at any time.
# Prints:    one line per file: missing, unreadable, or `file MODE BASE64`.
set -eu
PATH=/usr/local/bin:/usr/bin:/bin:${PATH:-}
LC_ALL=C
export PATH LC_ALL

for file; do
    if [ ! -e "$file" ] && [ ! -L "$file" ]; then
        echo missing
    elif [ ! -f "$file" ] || [ ! -r "$file" ]; then
        echo unreadable
    else
        printf 'file %s %s\n' "$(stat -c %a -- "$file")" "$(base64 -w 0 <"$file")"
    fi
done
echo end
