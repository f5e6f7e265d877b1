#!/bin/sh
# deploy.sh: deploys three nodes over SSH on this machine, and prints the seconds beside those of the
# bare programs: one initdb and two pg_basebackups. All files lie on file systems of their own, as on
# fresh machines: on an old one that has lost many files, ext4 looks for their inodes first.
#
# usage: Benchmarks/deploy.sh [PROGRAM [ROUNDS]]; as root, with postgresql and openssh-server. No
# test depends on the figures.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
program=${1:-$here/.build/release/toolkit}
rounds=${2:-3}
[ "$(id -u)" = 0 ] || {
    echo "deploy.sh needs root: PostgreSQL runs as postgres" >&2
    exit 69
}
for bin in /usr/lib/postgresql/*/bin; do :; done
major=${bin%/bin}
major=${major##*/}
folder=$(mktemp -d)
chmod 755 "$folder"
ssh_port=21990

as_postgres() { runuser -u postgres -- "$@"; }

stop_all() { # MODE
    for pid_file in "$folder"/*/disk?/*/postmaster.pid; do
        [ ! -f "$pid_file" ] || as_postgres "$bin/pg_ctl" stop --silent --mode="$1" -D "${pid_file%/*}" || :
    done
}

end_round() {
    stop_all immediate
    for disk in "$folder"/*/disk?; do
        if mountpoint -q -- "$disk"; then umount -- "$disk"; fi
    done
    rm -f -- "$folder"/*/?.img
}

end() {
    end_round
    [ ! -f "$folder/sshd.pid" ] || kill "$(cat "$folder/sshd.pid")" || :
    rm -rf -- "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

serve_ssh() {
    ssh-keygen -q -t ed25519 -N '' -C bench -f "$folder/host_key"
    ssh-keygen -q -t ed25519 -N '' -C bench -f "$folder/id"
    install -m 644 "$folder/id.pub" "$folder/authorized_keys"
    echo "[127.0.0.1]:$ssh_port $(cut -d ' ' -f 1,2 "$folder/host_key.pub")" >"$folder/known_hosts"
    mkdir -p /run/sshd
    cat >"$folder/sshd_config" <<END
Port $ssh_port
ListenAddress 127.0.0.1
HostKey $folder/host_key
AuthorizedKeysFile $folder/authorized_keys
StrictModes no
UsePAM yes
PasswordAuthentication no
PidFile $folder/sshd.pid
Subsystem sftp internal-sftp
END
    /usr/sbin/sshd -f "$folder/sshd_config" -E "$folder/sshd.log"
}

# A second time: the first one writes the disks into their files.
flush() { sync && sync; }

now() { date +%s%3N; }

make_disks() { # FOLDER
    for number in 1 2 3; do
        install -d "$1/disk$number"
        truncate -s 2G "$1/$number.img"
        mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$1/$number.img"
        mount -o loop "$1/$number.img" "$1/disk$number"
        chown postgres "$1/disk$number"
    done
    flush
}

# The same work by hand, on the same disks.
bare() { # FOLDER
    as_postgres "$bin/initdb" --pgdata="$1/disk1/bare" --username=postgres --data-checksums --encoding=UTF8 \
        --locale=C.UTF-8 --auth=peer --no-instructions >/dev/null
    as_postgres "$bin/pg_ctl" start --silent --pgdata="$1/disk1/bare" --log="$1/bare.log" \
        -o "-c port=21980 -c listen_addresses= -c unix_socket_directories=$1 -c wal_level=replica"
    for copy in 2 3; do
        as_postgres "$bin/pg_basebackup" --host="$1" --port=21980 --checkpoint=fast --wal-method=stream \
            --pgdata="$1/disk$copy/bare"
    done
}

cluster() { # FOLDER
    cat <<END
cluster: bench
config_dir: $1/disk1/etc
state_dir: $1/disk1/lib
runtime_dir: $1/disk1/run
postgresql: { version: $major }
scheduler: { directory: $1/disk3/sched }
ssh: { port: $ssh_port, identity_file: $folder/id, known_hosts: $folder/known_hosts }
nodes:
END
    for number in 1 2 3; do
        echo "  - { name: node$number, host: 127.0.0.1, port: 2198$number, data_dir: $1/disk$number/data, socket_dir: $1 }"
    done
}

serve_ssh
round=1
while [ "$round" -le "$rounds" ]; do
    place=$folder/$round
    install -d -o postgres -m 755 "$place"
    make_disks "$place"
    cluster "$place" >"$place/cluster.yaml"
    started=$(now)
    bare "$place"
    bare=$(($(now) - started))
    stop_all fast
    flush
    started=$(now)
    TOOLKIT_SHARE=$here "$program" deploy -c "$place/cluster.yaml" >"$place/said" 2>&1 || {
        cat "$place/said" >&2
        exit 1
    }
    first=$(($(now) - started))
    started=$(now)
    TOOLKIT_SHARE=$here "$program" deploy -c "$place/cluster.yaml" >"$place/said" 2>&1
    second=$(($(now) - started))
    grep -q 'nothing was changed' "$place/said"
    printf 'round %s: bare %s ms, first deploy %s ms (ratio %s.%02d), second deploy %s ms\n' "$round" \
        "$bare" "$first" $((first / bare)) $((first * 100 / bare % 100)) "$second"
    end_round
    round=$((round + 1))
done
