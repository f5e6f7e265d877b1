import ClusterFile
import Testing

@Suite("Docker nodes")
struct DockerTests {
    @Test func defaults() throws {
        let settings = try load(
            "cluster: shop\nnodes:\n  - { name: a, host: 10.0.0.1, runtime: docker }\n"
                + "  - { name: b, host: 10.0.0.1, port: 5433, runtime: docker }\nlab: true\n"
        ).settings
        #expect(
            settings.nodes.map(\.docker)
                == ["a", "b"].map { name in
                    DockerSettings(
                        image: "postgres:15", container: "toolkit-shop-\(name)",
                        volume: "toolkit-shop-\(name)", mount: "/var/lib/postgresql",
                        network: "host")
                })
        #expect(settings.nodes.map { settings.tenants(beside: $0) } == [2, 2])
    }

    @Test func aNodesMachineWinsOverThatOfAll() throws {
        let settings = try load(
            """
            cluster: shop
            machine: { memory: 8GB, cores: 4 }
            nodes:
              - { name: a, host: 10.0.0.1, machine: { memory: 16GB, disk: 100GB } }
              - { name: b, host: 10.0.0.2 }

            """
        ).settings
        #expect(
            settings.nodes.map(\.machine) == [
                MachineSettings(memoryBytes: 16 << 30, cores: 4, diskBytes: 100 << 30),
                MachineSettings(memoryBytes: 8 << 30, cores: 4),
            ])
    }

    static let rows: [FileRow] = [
        FileRow(
            "the volume on the data directory itself",
            code: "docker.data_is_mount",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    host: 10.0.0.1
                    runtime: docker
                    data_dir: /data/pg/
                    docker: { mount: /data/pg }

                """#,
            says: #"""
                cluster.yaml:6:15: nodes[0].data_dir: "/data/pg/" is where the volume is mounted, and a mount can't be moved aside for a new copy
                  next: put `data_dir` into a folder of its own, such as /data/pg/a
                """#),
        FileRow(
            "a volume of the image on the data directory",
            code: "docker.data_is_mount",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, data_dir: /var/lib/postgresql/data }

                """#,
            says: #"""
                cluster.yaml:3:59: nodes[0].data_dir: "/var/lib/postgresql/data" is where a volume of the official image is mounted, and a mount can't be moved aside for a new copy
                  next: put `data_dir` into a folder of its own, such as /var/lib/postgresql/a
                """#),
        FileRow(
            "a data directory below a volume of the image",
            code: "docker.data_is_mount",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, data_dir: /var/lib/postgresql/data/a }

                """#,
            says: #"""
                cluster.yaml:3:59: nodes[0].data_dir: "/var/lib/postgresql/data/a" lies in a volume of the official image, which another container would not have
                  next: put `data_dir` elsewhere below `mount`, such as /var/lib/postgresql/a
                """#),
        FileRow(
            "the default image",
            code: "docker.moving_image",
            yaml: #"""
                cluster: shop
                lab: true
                synchronous: { alone: block }
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker }
                  - { name: b, host: 10.0.0.2, runtime: docker }

                """#,
            says: #"""
                cluster.yaml:5:41: warning: nodes[0].runtime: the image is `postgres:15`: the tag `15` moves on with each release: a container that is made again, or on another machine, may have another minor version, and other libraries that sort text otherwise than the indexes
                  next: write `image: "postgres:15.<minor>"`, or a digest: `postgres@sha256:…`
                """#),
        FileRow(
            "a tag with the major version alone",
            code: "docker.moving_image",
            yaml: #"""
                cluster: shop
                lab: true
                postgresql: { version: 17 }
                synchronous: { alone: block }
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, docker: { image: "hub:5000/postgres:17-bookworm" } }
                  - { name: b, host: 10.0.0.2, runtime: docker, docker: { image: "hub:5000/postgres:17-bookworm" } }

                """#,
            says: #"""
                cluster.yaml:6:66: warning: nodes[0].docker.image: the tag `17-bookworm` moves on with each release: a container that is made again, or on another machine, may have another minor version, and other libraries that sort text otherwise than the indexes
                  next: write `image: "hub:5000/postgres:17.<minor>-bookworm"`, or a digest: `hub:5000/postgres@sha256:…`
                """#),
        FileRow(
            "images that stay as they are",
            yaml: #"""
                cluster: shop
                lab: true
                synchronous: { alone: block }
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, docker: { image: "postgres:15.14-bookworm" } }
                  - { name: b, host: 10.0.0.2, runtime: docker, docker: { image: "postgres:15@sha256:0123" } }

                """#, says: ""),
        FileRow(
            "a data directory outside of the volume",
            code: "docker.data_is_mount",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, docker: { mount: /data } }

                """#,
            says: #"""
                cluster.yaml:3:66: nodes[0].docker.mount: "/var/lib/postgresql/15/shop" does not lie below "/data", and would be lost with the container
                  next: put `data_dir` below `mount`
                """#),
        FileRow(
            "one container for two nodes",
            code: "docker.same_container",
            yaml: #"""
                cluster: shop
                lab: true
                nodes:
                  - { name: a, host: h, runtime: docker, docker: { container: pg } }
                  - { name: b, host: h, port: 5433, runtime: docker, docker: { container: pg } }

                """#,
            says: #"""
                cluster.yaml:5:75: nodes[1].docker.container: the container of `a` on this machine is `pg` too
                  next: give each container of a machine a name of its own
                """#),
        FileRow(
            "one volume for two nodes",
            code: "docker.same_volume",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h, runtime: docker, data_dir: /var/lib/postgresql/a, docker: { volume: v } }
                  - { name: b, host: h, port: 5433, runtime: docker, data_dir: /var/lib/postgresql/b, docker: { volume: v } }

                """#,
            says: #"""
                cluster.yaml:4:105: nodes[1].docker.volume: the volume of `a` on this machine is `v` too, and a fence ends every container that runs with it
                  next: give each node of a machine a volume of its own
                """#),
        FileRow(
            "a loopback address of a container with a network of its own",
            code: "docker.loopback",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 127.0.0.1, runtime: docker, docker: { network: pg } }
                  - { name: b, host: localhost, port: 5433, runtime: docker }

                """#,
            says: #"""
                cluster.yaml:3:22: nodes[0].host: 127.0.0.1 is each container's own address in a network such as `pg`, and the other nodes are elsewhere
                  next: write the machine's address, or `network: host`
                """#),
        FileRow(
            "a container whose neighbour does not know its address",
            code: "docker.mixed_networks",
            yaml: #"""
                cluster: shop
                lab: true
                synchronous: { alone: block }
                nodes:
                  - { name: a, host: 10.0.0.1, runtime: docker, docker: { image: "pg:15.1" } }
                  - { name: b, host: 10.0.0.1, port: 5433, runtime: docker, docker: { image: "pg:15.1", network: pg } }

                """#,
            says: #"""
                cluster.yaml:6:98: warning: nodes[1].docker.network: `b` comes to `a`, on its machine, from an address of Docker's, which is not let in
                  next: give both a `docker.network`, or `postgresql.hba` lines for toolkit_replication from that network
                """#),
        FileRow(
            "a container whose neighbour was told its addresses",
            yaml: #"""
                cluster: shop
                lab: true
                synchronous: { alone: block }
                postgresql:
                  hba:
                    - host replication,postgres toolkit_replication 172.18.0.0/16 scram-sha-256
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.1, port: 5433, runtime: docker, docker: { image: "pg:15.1", network: pg } }

                """#, says: ""),
        FileRow(
            "a socket folder that Docker can't mount",
            code: "docker.tmpfs_path",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h, runtime: docker, socket_dir: "/run/a:b" }
                  - { name: b, host: i }

                """#,
            says: #"""
                cluster.yaml:3:54: nodes[0].socket_dir: Docker reads the colon in "/run/a:b" as the end of the path
                  next: choose a folder without a colon
                """#),
        FileRow(
            "a service that starts no container",
            code: "docker.service",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: h, runtime: docker, service: a.service }
                  - { name: b, host: i }

                """#,
            says: #"""
                cluster.yaml:3:51: nodes[0].service: `a` runs in a container, which Docker starts
                  next: leave `service` out
                """#),
        FileRow(
            "a container that nobody runs",
            code: "docker.unused",
            yaml: #"""
                cluster: shop
                synchronous: { number_sync_standbys: 0 }
                lab: true
                nodes:
                  - { name: a, host: h, docker: { image: "postgres:15" } }

                """#,
            says: #"""
                cluster.yaml:5:33: warning: nodes[0].docker: `a` runs without a container
                  next: write `runtime: docker`, or leave `docker` out
                cluster.yaml:5:3: note: nodes: with one node there is no failover
                  next: add nodes when you have them
                """#),
    ]

    @Test("What a container may not be", arguments: rows)
    func row(_ row: FileRow) { row.check() }
}
