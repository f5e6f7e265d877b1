import ClusterFile
import Execution

/// The folders beside the data directory, and the server that runs on it.
extension NodeChecks {
    var folders: [CheckResult] {
        [
            folder("config", node.configDirectory, settings.directories.configDirectory),
            folder("state", node.stateDirectory, settings.directories.stateDirectory),
            folder("runtime", node.runtimeDirectory, settings.directories.runtimeDirectory),
        ]
    }

    private func folder(_ name: String, _ path: String, _ base: String) -> CheckResult {
        let place = place(name)
        guard place.isUsable else {
            return CheckResult(
                node.id, "\(name)_dir", .failed,
                found: place.exists
                    ? "\(path) is not writable for \(survey.user); it belongs to \(place.owner)"
                    : "\(path) can't be made: \(place.nearest) is not writable for "
                        + survey.user,
                next: "as root: \(makeFolder(place.exists ? path : base))")
        }
        guard place.freeBytes >= Self.freeBytesForFiles else {
            return CheckResult(
                node.id, "\(name)_dir", .failed,
                found: "the file system of \(place.nearest) is full: "
                    + "\(place.freeBytes >> 10) kB free",
                next: "make room there, or choose another \(name)_dir")
        }
        return CheckResult(node.id, "\(name)_dir", found: path)
    }

    var runtimeDirectory: CheckResult? {
        let place = place("runtime")
        guard !["tmpfs", "ramfs", ""].contains(place.fileSystem) else { return nil }
        return CheckResult(
            node.id, "runtime_dir", .warning,
            found: "\(place.nearest) is on \(place.fileSystem), which a reboot does not clear",
            next: "choose a runtime_dir on a tmpfs, such as /run/toolkit")
    }

    var socketDirectory: CheckResult? {
        let place = place("socket")
        // The container has one of its own.
        guard node.docker == nil, !(place.exists && place.isUsable) else { return nil }
        return CheckResult(
            node.id, "socket_dir", .failed,
            found: place.exists
                ? "\(node.socketDirectory) is not writable for \(survey.user)"
                : "\(node.socketDirectory) does not exist",
            next: "as root: \(makeFolder(node.socketDirectory)); or choose another socket_dir")
    }

    var port: CheckResult? {
        survey.portTakenBy.map { pid in
            CheckResult(
                node.id, "port", .failed,
                found: "process \(pid) serves port \(node.port) in \(node.socketDirectory)",
                next: "stop that server, or choose another port or socket_dir")
        }
    }

    /// Faults in the files of a server that runs: it has kept what it read before them. Nil when there are none.
    var configuration: CheckResult? {
        guard survey.postmaster != nil, !survey.runsOnItsOwn,
            let faults = survey.serverSettings["faults"], !faults.isEmpty
        else { return nil }
        return CheckResult(
            node.id, "configuration", .failed,
            found: "PostgreSQL would not start again: \(faults)",
            next: "correct cluster.yaml or the template, then `toolkit render --apply`")
    }

    /// What the running server says of itself; it may run on a configuration of its own.
    var server: CheckResult? {
        guard let pid = survey.postmaster else { return nil }
        func result(_ status: CheckResult.Status, _ found: String, _ next: String) -> CheckResult {
            CheckResult(node.id, "server", status, found: found, next: next)
        }
        guard !survey.isServerSilent else {
            return result(
                .warning, "PostgreSQL (pid \(pid)) does not answer on \(node.socketDirectory)",
                "look into its log; `toolkit state` says what the scheduler sees")
        }
        let wrong = Self.needed.filter { name, wanted in
            survey.serverSettings[name].map { !wanted.contains($0) } ?? false
        }
        if let (name, wanted) = wrong.first {
            let value = survey.serverSettings[name] ?? ""
            return result(
                .failed, "\(name) is \(value), not \(wanted[0])",
                "start it with the rendered postgresql.conf, without \(name) of your own")
        }
        let senders = survey.serverSettings["max_wal_senders"].flatMap { Int($0) }
        if let senders, senders < settings.nodes.count + 1 {
            return result(
                .failed, "max_wal_senders is \(senders) with \(settings.nodes.count) nodes",
                "raise it to \(settings.nodes.count + 4) or more")
        }
        let pending = survey.serverSettings["pending_restart"] ?? ""
        guard pending.isEmpty else {
            return result(
                .warning, "waits for a restart to take over \(pending)",
                "`toolkit render --apply`, which restarts in the right order, after asking")
        }
        return result(.ok, "PostgreSQL runs, pid \(pid)", "")
    }

    private static let needed: [(name: String, wanted: [String])] = [
        ("full_page_writes", ["on"]), ("fsync", ["on"]), ("wal_level", ["replica", "logical"]),
        ("hot_standby", ["on"]),
    ]
}
