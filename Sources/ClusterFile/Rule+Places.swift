extension Rule {
    static let placeRules: [Rule] = [
        Rule(
            code: "directories.inside_data",
            reads: ["config_dir", "state_dir", "runtime_dir", "cluster", "nodes[].data_dir"]
                + ["nodes[].name"],
            check: insideData),
        Rule(
            code: "scheduler.inside_data",
            reads: ["scheduler", "execution", "nodes[].host", "nodes[].data_dir"]
        ) { subject in
            let directory = subject.settings.scheduler.directory
            let holder = subject.settings.nodes.first { node in
                (subject.settings.execution == .local || Host.isLoopback(node.host))
                    && Paths.isInside(directory, node.dataDirectory)
            }
            guard let holder else { return [] }
            return [
                subject.violation(
                    "scheduler.directory",
                    "\(Found.quoted(directory)) lies in the data directory of `\(holder.id)`, "
                        + Found.quoted(holder.dataDirectory),
                    "choose a folder outside of it")
            ]
        },
        Rule(code: "directories.same", reads: ["config_dir", "state_dir", "runtime_dir"]) {
            subject in
            let places = folders.map {
                ($0.setting, subject.settings.directories[keyPath: $0.base])
            }
            for (index, second) in places.enumerated() {
                for first in places[..<index]
                where Paths.normalized(first.1) == Paths.normalized(second.1) {
                    let blamed = subject.laterWritten([second.0, first.0])
                    let other = blamed == second.0 ? first.0 : second.0
                    return [
                        subject.violation(
                            blamed, "`\(other)` is \(Found.quoted(first.1)) too",
                            "give each of `config_dir`, `state_dir` and `runtime_dir` its own")
                    ]
                }
            }
            return []
        },
        Rule(
            code: "nodes.socket_path_length", reads: ["nodes[].socket_dir", "nodes[].port"]
        ) { subject in
            subject.nodes.compactMap { path, node in
                let length = "\(node.socketDirectory)/.s.PGSQL.\(node.port)".utf8.count
                guard length > socketPathBytesMax else { return nil }
                return subject.violation(
                    "\(path).socket_dir",
                    "the path of PostgreSQL's socket in it has \(length) bytes, and "
                        + "\(socketPathBytesMax) is the most",
                    "choose a shorter folder, such as /var/run/postgresql")
            }
        },
        Rule(
            code: "scheduler.socket_path_length", reads: ["scheduler.directory", "cluster"]
        ) { subject in
            let folder = subject.settings.scheduler.directory
            let length = "\(folder)/\(subject.settings.cluster).sock".utf8.count
            guard length > socketPathBytesMax else { return [] }
            return [
                subject.violation(
                    "scheduler.directory",
                    "the path of the scheduler's socket in it has \(length) bytes, and "
                        + "\(socketPathBytesMax) is the most",
                    "choose a shorter folder, such as /var/lib/toolkit/scheduler")
            ]
        },
        Rule(code: "ssh.no_home", reads: ["ssh.known_hosts", "ssh.identity_file", "execution"]) {
            subject in
            guard subject.settings.execution == .ssh, subject.home == nil else { return [] }
            let reading = subject.reading
            return ["ssh.identity_file", "ssh.known_hosts"].filter { path in
                path == "ssh.known_hosts" && !reading.isWritten(path)
                    || reading.text(path)?.hasPrefix("~/") == true
            }.map { path in
                subject.violation(
                    path, "`~/` leads nowhere: HOME is not set", "write the whole path")
            }
        },
    ]

    // sun_path has 108 bytes, the last one for the NUL.
    private static let socketPathBytesMax = 107

    private typealias Folder = (
        setting: String, base: any KeyPath<DirectorySettings, String> & Sendable,
        own: any KeyPath<NodeSettings, String> & Sendable
    )
    private static let folders: [Folder] = [
        ("config_dir", \.configDirectory, \.configDirectory),
        ("state_dir", \.stateDirectory, \.stateDirectory),
        ("runtime_dir", \.runtimeDirectory, \.runtimeDirectory),
    ]

    /// Node files inside a data directory would be copied by pg_rewind and pg_basebackup.
    @Sendable private static func insideData(_ subject: Subject) -> [Violation] {
        folders.compactMap { folder in
            for (path, holder) in subject.nodes {
                let inside = subject.settings.nodes.first { node in
                    (node.id == holder.id || isOneMachine(node, holder))
                        && Paths.isInside(node[keyPath: folder.own], holder.dataDirectory)
                }
                guard let inside else { continue }
                return subject.violation(
                    subject.written(folder.setting, "\(path).data_dir", path),
                    "\(Found.quoted(inside[keyPath: folder.own])) lies in the data directory of "
                        + "`\(holder.id)`, \(Found.quoted(holder.dataDirectory)), and would be "
                        + "copied from node to node",
                    "choose a `\(folder.setting)` outside of it")
            }
            return nil
        }
    }
}
