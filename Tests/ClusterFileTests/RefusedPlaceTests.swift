import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Refused places")
struct RefusedPlaceTests {
    static let places: [FileRow] = [
        FileRow(
            "execution: docker",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                execution: docker

                """#,
            says: #"""
                cluster.yaml:6:12: execution: expected `ssh` or `local`, found "docker"
                  next: write for example `execution: ssh`
                """#),
        FileRow(
            "ssh port 0",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh: { port: 0 }

                """#,
            says: #"""
                cluster.yaml:6:14: ssh.port: expected a whole number from 1 to 65535, found 0
                  next: write for example `port: 22`
                """#),
        FileRow(
            "ssh port 022",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh: { port: 022 }

                """#,
            says: #"""
                cluster.yaml:6:14: ssh.port: expected a whole number from 1 to 65535, found 022
                  next: write for example `port: 22`
                """#),
        FileRow(
            "ssh user that is an option",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh:
                  user: -oProxyCommand=x

                """#,
            says: #"""
                cluster.yaml:7:9: ssh.user: expected a user name, found "-oProxyCommand=x": a user name does not start with `-`
                  next: write the name of a user
                """#),
        FileRow(
            "another's home",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh:
                  identity_file: ~root/.ssh/id

                """#,
            says: #"""
                cluster.yaml:7:18: ssh.identity_file: expected a path, found "~root/.ssh/id": `~` is understood only as `~/`
                  next: write `~/…` or the whole path
                """#),
        FileRow(
            "a path with NUL",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                ssh:
                  identity_file: "/a\0b"

                """#,
            says: #"""
                cluster.yaml:7:18: ssh.identity_file: expected a path, found "/a\u{0}b": it holds a NUL character
                  next: write it without control characters
                """#),
        FileRow(
            "runtime_dir is relative",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                runtime_dir: run

                """#,
            says: #"""
                cluster.yaml:6:14: runtime_dir: expected an absolute path, found "run": it does not start with `/`
                  next: write the whole path, from `/` on
                """#),
        FileRow(
            "config_dir is the root",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                config_dir: //.

                """#,
            says: #"""
                cluster.yaml:6:13: config_dir: expected an absolute path, found "//.": the root folder is refused
                  next: write a folder of its own
                """#),
        FileRow(
            "host with a port",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    host: 10.0.0.1:5432

                """#,
            says: #"""
                cluster.yaml:4:11: nodes[0].host: expected a host name or address, found "10.0.0.1:5432": a port does not belong here
                  next: write a DNS name or an IPv4 or IPv6 address, the port under its own key
                """#),
        FileRow(
            "host that is an option",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    host: -oProxyCommand=x

                """#,
            says: #"""
                cluster.yaml:4:11: nodes[0].host: expected a host name or address, found "-oProxyCommand=x": that is none
                  next: write a DNS name or an IPv4 or IPv6 address, the port under its own key
                """#),
        FileRow(
            "port 65536",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, port: 65536 }

                """#,
            says: #"""
                cluster.yaml:3:38: nodes[0].port: expected a whole number from 1 to 65535, found 65536
                  next: write for example `port: 5432`
                """#),
        FileRow(
            "port beyond 64 bits",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, port: 99999999999999999999 }

                """#,
            says: #"""
                cluster.yaml:3:38: nodes[0].port: expected a whole number from 1 to 65535, found 99999999999999999999
                  next: write for example `port: 5432`
                """#),
        FileRow(
            "a place after letters of several bytes",
            yaml: #"""
                cluster: shop
                nodes: [ { name: a, host: h, data_dir: /größe数/🐘, port: 0 } ]

                """#,
            says: #"""
                cluster.yaml:2:57: nodes[0].port: expected a whole number from 1 to 65535, found 0
                  next: write for example `port: 5432`
                """#),
        FileRow(
            "a text that writes from right to left",
            yaml:
                "cluster: shop\nnodes:\n  - { name: a, host: 10.0.0.1 }\n  - { name: b, host: 10.0.0.2 }\n  - { name: c, host: 10.0.0.3 }\nexecution: \"\u{202e}hss\"\n",
            says: #"""
                cluster.yaml:6:12: execution: expected `ssh` or `local`, found "\u{202e}hss"
                  next: write for example `execution: ssh`
                """#),
        FileRow(
            "priority 101",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, priority: 101 }

                """#,
            says: #"""
                cluster.yaml:3:42: nodes[0].priority: expected a whole number from 0 to 100, found 101
                  next: write for example `priority: 100`
                """#),
        FileRow(
            "priority -1",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, priority: -1 }

                """#,
            says: #"""
                cluster.yaml:3:42: nodes[0].priority: expected a whole number from 0 to 100, found -1
                  next: write for example `priority: 100`
                """#),
        FileRow(
            "another runtime",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: podman }

                """#,
            says: #"""
                cluster.yaml:3:41: nodes[0].runtime: expected `native` or `docker`, found "podman"
                  next: write for example `runtime: docker`
                """#),
        FileRow(
            "an image that changes",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, docker: { image: "postgres:latest" } }

                """#,
            says: #"""
                cluster.yaml:3:66: nodes[0].docker.image: expected an image with its tag or digest, found "postgres:latest": its tag is not fixed
                  next: a tag such as `postgres:15.14` keeps the version
                """#),
    ]

    @Test("Hosts, users, paths and ports", arguments: places)
    func placesRow(_ row: FileRow) { row.check() }
}
