#!/bin/sh
# render.sh: renders 334 clusters of 3 nodes from one folder, and prints seconds and resident memory.
#
# usage: Benchmarks/render.sh [PROGRAM]; needs GNU time. No test depends on the figures.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
program=${1:-$here/.build/release/toolkit}
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
mkdir "$folder/clusters"
number=1
while [ "$number" -le 334 ]; do
    cat >"$folder/clusters/c$number.yaml" <<YAML
cluster: c$number
machine: { memory: 8GB, cores: 4, disk: 100GB }
scheduler: { address: 10.0.0.9 }
postgresql:
  parameters: { work_mem: 16MB, max_connections: 200 }
  hba: [ "host app app 10.0.0.0/24 scram-sha-256" ]
nodes:
  - { name: node1, host: 10.1.$((number / 200)).$((number % 200 + 1)) }
  - { name: node2, host: 10.2.$((number / 200)).$((number % 200 + 1)) }
  - { name: node3, host: 10.3.$((number / 200)).$((number % 200 + 1)) }
YAML
    number=$((number + 1))
done
for round in 1 2 3; do
    TOOLKIT_SHARE=$here /usr/bin/time --format "round $round: %e s (%U s user, %S s system), %M kB resident" \
        "$program" render --config "$folder/clusters" --output "$folder/out$round" >"$folder/files" 2>"$folder/said" || {
        cat "$folder/said" >&2
        exit 1
    }
    tail -n 1 "$folder/said"
done
printf '%s files\n' "$(wc -l <"$folder/files")"
