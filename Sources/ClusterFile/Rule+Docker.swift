extension Rule {
    static let dockerRules: [Rule] = [
        Rule(
            code: "docker.data_is_mount",
            reads: ["nodes[].runtime", "nodes[].data_dir", "nodes[].docker.mount", "cluster"]
        ) { subject in
            subject.dockerNodes.compactMap { path, node, docker in
                let setting = subject.written("\(path).data_dir", "\(path).docker.mount", path)
                let data = Paths.normalized(node.dataDirectory)
                let mount = Paths.normalized(docker.mount)
                if data == mount || data == imageMount {
                    let whose = data == mount ? "the volume" : "a volume of the official image"
                    return subject.violation(
                        setting,
                        "\(Found.quoted(node.dataDirectory)) is where \(whose) is mounted, and a "
                            + "mount can't be moved aside for a new copy",
                        "put `data_dir` into a folder of its own, such as \(mount)/\(node.id)")
                }
                if Paths.isInside(data, imageMount), mount != imageMount,
                    !Paths.isInside(mount, imageMount)
                {
                    return subject.violation(
                        setting,
                        "\(Found.quoted(node.dataDirectory)) lies in a volume of the official image, "
                            + "which another container would not have",
                        "put `data_dir` elsewhere below `mount`, such as \(mount)/\(node.id)")
                }
                guard !Paths.isInside(data, mount) else { return nil }
                return subject.violation(
                    setting,
                    "\(Found.quoted(node.dataDirectory)) does not lie below "
                        + "\(Found.quoted(docker.mount)), and would be lost with the container",
                    "put `data_dir` below `mount`")
            }
        },
        Rule(
            code: "docker.same_container",
            reads: [
                "nodes[].runtime", "nodes[].docker.container", "nodes[].host", "nodes[].ssh.host",
            ]
        ) { subject in
            subject.pairs { first, path, second in
                guard let one = first.docker, let other = second.docker,
                    one.container == other.container, isOneMachine(first, second)
                else { return nil }
                return subject.violation(
                    "\(path).docker.container",
                    "the container of `\(first.id)` on this machine is `\(one.container)` too",
                    "give each container of a machine a name of its own")
            }
        },
        Rule(
            code: "docker.same_volume",
            reads: [
                "nodes[].runtime", "nodes[].docker.volume", "nodes[].host", "nodes[].ssh.host",
            ]
        ) { subject in
            subject.pairs { first, path, second in
                guard let one = first.docker, let other = second.docker,
                    one.volume == other.volume, isOneMachine(first, second)
                else { return nil }
                return subject.violation(
                    "\(path).docker.volume",
                    "the volume of `\(first.id)` on this machine is `\(one.volume)` too, and a fence "
                        + "ends every container that runs with it",
                    "give each node of a machine a volume of its own")
            }
        },
        Rule(
            code: "docker.loopback",
            reads: ["nodes", "nodes[].runtime", "nodes[].docker.network", "nodes[].host"]
        ) { subject in
            guard subject.nodes.count > 1 else { return [] }
            return subject.dockerNodes.filter {
                $0.node.isPublished && Host.isLoopback($0.node.host)
            }.map { path, node, docker in
                subject.violation(
                    "\(path).host",
                    "\(node.host) is each container's own address in a network such as "
                        + "`\(docker.network)`, and the other nodes are elsewhere",
                    "write the machine's address, or `network: host`")
            }
        },
        Rule(
            code: "docker.mixed_networks", level: .warning,
            reads: [
                "nodes[].runtime", "nodes[].docker.network", "nodes[].host", "nodes[].ssh.host",
                "postgresql.hba", "postgresql.replication_role",
            ], check: mixedNetworks),
        Rule(
            code: "docker.moving_image", level: .warning,
            reads: ["nodes[].runtime", "nodes[].docker.image", "postgresql.version"],
            check: movingImages),
        Rule(
            code: "docker.tmpfs_path",
            reads: ["nodes[].runtime", "nodes[].socket_dir"]
        ) { subject in
            subject.dockerNodes.filter { $0.node.socketDirectory.utf8.contains(UInt8(ascii: ":")) }
                .map { path, node, _ in
                    subject.violation(
                        "\(path).socket_dir",
                        "Docker reads the colon in \(Found.quoted(node.socketDirectory)) as the end "
                            + "of the path",
                        "choose a folder without a colon")
                }
        },
        Rule(
            code: "docker.service", reads: ["nodes[].runtime", "nodes[].service"]
        ) { subject in
            subject.dockerNodes.filter { $0.node.service != nil }.map { path, node, _ in
                subject.violation(
                    "\(path).service", "`\(node.id)` runs in a container, which Docker starts",
                    "leave `service` out")
            }
        },
        Rule(
            code: "docker.unused", level: .warning, reads: ["nodes[].runtime", "nodes[].docker"]
        ) { subject in
            subject.nodes.filter { path, node in
                node.docker == nil && subject.reading.isWritten("\(path).docker")
            }.map { path, node in
                subject.violation(
                    "\(path).docker", "`\(node.id)` runs without a container",
                    "write `runtime: docker`, or leave `docker` out")
            }
        },
    ]

    /// What a container sends to its own machine, nothing translates.
    @Sendable private static func mixedNetworks(_ subject: Subject) -> [Violation] {
        let postgresql = subject.settings.postgresql
        let isLetIn = postgresql.hba.contains { $0.contains(postgresql.replicationRole) }
        guard !isLetIn else { return [] }
        return subject.pairs { first, path, second in
            guard isOneMachine(first, second), first.isPublished != second.isPublished else {
                return nil
            }
            let (inside, outside) = first.isPublished ? (first, second) : (second, first)
            return subject.violation(
                subject.written("\(path).docker.network", "\(path).host"),
                "`\(inside.id)` comes to `\(outside.id)`, on its machine, from an address of "
                    + "Docker's, which is not let in",
                "give both a `docker.network`, or `postgresql.hba` lines for "
                    + "\(postgresql.replicationRole) from that network")
        }
    }

    /// A tag that names the major version alone is another image after each minor release. Once for
    /// each image.
    @Sendable private static func movingImages(_ subject: Subject) -> [Violation] {
        let major = String(subject.settings.postgresql.version)
        var told: Set<String> = []
        return subject.dockerNodes.compactMap { path, _, docker in
            guard let colon = docker.image.lastIndex(of: ":"), !docker.image.contains("@") else {
                return nil
            }
            let name = docker.image[..<colon]
            let tag = docker.image[docker.image.index(after: colon)...]
            guard tag == major || tag.hasPrefix(major + "-"), told.insert(docker.image).inserted
            else { return nil }
            let minor = "\(name):\(major).<minor>\(tag.dropFirst(major.count))"
            let setting = "\(path).docker.image"
            let isWritten = subject.reading.isWritten(setting)
            return subject.violation(
                isWritten ? setting : subject.written("\(path).docker", "\(path).runtime"),
                (isWritten ? "" : "the image is `\(docker.image)`: ")
                    + "the tag `\(tag)` moves on with each release: a container that is made again, "
                    + "or on another machine, may have another minor version, and other libraries "
                    + "that sort text otherwise than the indexes",
                "write `image: \"\(minor)\"`, or a digest: `\(name)@sha256:…`")
        }
    }

    /// The VOLUME of Docker's official image, up to PostgreSQL 17.
    private static let imageMount = "/var/lib/postgresql/data"
}

extension Subject {
    fileprivate var dockerNodes: [(path: String, node: NodeSettings, docker: DockerSettings)] {
        nodes.compactMap { path, node in node.docker.map { (path, node, $0) } }
    }
}
