import ClusterFile
import Execution
import FailoverCore

/// What a survey means: one result per check, in an order that reads from the ground up.
struct NodeChecks {
    let settings: ClusterSettings
    let node: NodeSettings
    let survey: Survey
    /// The cluster's, when the store knows it.
    let systemIdentifier: String?
    /// The primary of the data that are taken over.
    let adopting: NodeID?

    /// initdb with its first WAL, and room to go on.
    static let freeBytesForInit: Int64 = 256 << 20
    /// Less stops a running server soon.
    static let freeBytesMin: Int64 = 64 << 20
    static let freeBytesComfortable: Int64 = 1 << 30
    /// Scripts and configuration of one node.
    static let freeBytesForFiles: Int64 = 2 << 20

    var results: [CheckResult] {
        guard let docker else { return [user, tools, dockerIsMissing] + folders + [clock] }
        return [user, tools] + docker + [binaries, version, dataDirectory, autoConf, dataSpace]
            + folders
            + [
                runtimeDirectory, socketDirectory, port, service, clock, machine, standbyWAL,
                kernel,
                configuration, server,
            ]
            .compactMap(\.self)
    }

    func result(
        _ name: String, _ status: CheckResult.Status = .ok, _ found: String, _ next: String = ""
    ) -> CheckResult {
        CheckResult(node.id, name, status, found: found, next: next)
    }

    // MARK: - The machine

    private var user: CheckResult {
        guard survey.user != "root" else {
            return result(
                "user", .failed, "commands run as root, and PostgreSQL refuses to",
                "set ssh.user to the owner of PostgreSQL, usually postgres")
        }
        return result("user", .ok, survey.user)
    }

    private var tools: CheckResult {
        guard !survey.missingTools.isEmpty else { return result("tools", .ok, "all there") }
        return result(
            "tools", .failed, "missing: \(survey.missingTools.joined(separator: ", "))",
            "install coreutils, util-linux, findutils and diffutils there")
    }

    private var clock: CheckResult {
        let off = survey.clockOffsetMs
        guard abs(off) > 2_000 else { return result("clock", .ok, "within 2 s of ours") }
        return result(
            "clock", .warning,
            "\(abs(off) / 1000) s \(off > 0 ? "ahead of" : "behind") the scheduler's",
            "run a time service on both machines; logs are hard to compare otherwise")
    }

    // MARK: - PostgreSQL's programs

    private var packageHint: String {
        node.docker == nil
            ? "install PostgreSQL \(settings.postgresql.version) there, or correct postgresql.bin_dir"
            : "take an image of PostgreSQL \(settings.postgresql.version), or correct "
                + "postgresql.bin_dir"
    }

    private var binaries: CheckResult {
        let folder = settings.postgresql.binDirectory
        guard !survey.missingPrograms.isEmpty else { return result("binaries", .ok, folder) }
        return result(
            "binaries", .failed,
            "\(folder) has no \(survey.missingPrograms.joined(separator: ", "))", packageHint)
    }

    private var version: CheckResult {
        let wanted = settings.postgresql.version
        guard let major = survey.major else {
            return result(
                "version", .failed, "postgres does not say which version it is", packageHint)
        }
        if major == wanted { return result("version", .ok, survey.versionText) }
        let how = major < wanted ? "too old" : "newer"
        return result(
            "version", .failed,
            "PostgreSQL \(major) is \(how): cluster.yaml says \(wanted) (\(survey.versionText))",
            "\(packageHint) and postgresql.version")
    }

    // MARK: - The data directory

    private var dataDirectory: CheckResult {
        let path = node.dataDirectory
        switch survey.data {
        case _ where survey.isInitializing:
            return result("data_dir", .ok, "\(path): an initdb of ours was interrupted")
        case .missing, .empty: return freshDirectory
        case .foreign:
            return result(
                "data_dir", .failed, "\(path) holds files that are no PostgreSQL cluster",
                "name an empty or missing folder as data_dir, below a mount and not the mount")
        case .unreadable:
            return result(
                "data_dir", .failed,
                "\(path) belongs to \(place("data").owner), not to "
                    + "\(survey.user), or is no folder",
                "name another data_dir, or as root: chown -R \(survey.user): \(path)")
        case .pgdata: return existingCluster
        }
    }

    private var freshDirectory: CheckResult {
        let place = place("data")
        let path = node.dataDirectory
        if let docker = node.docker, survey.container?.state == nil {
            return result("data_dir", .ok, "\(path): to be filled, in the volume \(docker.volume)")
        }
        if place.exists, place.owner != survey.user {
            return result(
                "data_dir", .failed, "\(path) belongs to \(place.owner), not to \(survey.user)",
                "as root: chown \(survey.user): \(ShellWord.quote(path))")
        }
        guard place.isUsable else {
            return result(
                "data_dir", .failed,
                "\(path) can't be made: \(place.nearest) is not writable for \(survey.user)",
                "as root: \(makeFolder(path))")
        }
        return result("data_dir", .ok, "\(path): \(survey.data.rawValue), to be filled")
    }

    private var existingCluster: CheckResult {
        let path = node.dataDirectory
        if place("data").owner != survey.user {
            return result(
                "data_dir", .failed,
                "\(path) belongs to \(place("data").owner), not to \(survey.user)",
                "set ssh.user to \(place("data").owner), or name another data_dir")
        }
        if let version = survey.dataVersion, version != settings.postgresql.version {
            return result(
                "data_dir", .failed,
                "\(path) was made by PostgreSQL \(version); cluster.yaml says "
                    + "\(settings.postgresql.version)",
                "correct postgresql.version, or name another data_dir")
        }
        if let systemIdentifier, let found = survey.systemIdentifier, found != systemIdentifier {
            return result(
                "data_dir", .failed,
                "\(path) is the database system \(found); this cluster is \(systemIdentifier)",
                "name another data_dir for \(node.id)")
        }
        if let deployed = survey.deployedData, deployed != path, systemIdentifier == nil {
            return result(
                "data_dir", .failed,
                "\(path) holds a PostgreSQL cluster, and \(node.id) was deployed with \(deployed)",
                "correct data_dir; or `toolkit undeploy` with the old file first")
        }
        let isOurs = survey.stamp != nil && (systemIdentifier != nil || !survey.runsOnItsOwn)
        guard isOurs else { return strangeCluster }
        guard survey.hasChecksums || survey.hasHintLogging else {
            return result(
                "data_dir", .warning, "\(path): neither checksums nor wal_log_hints",
                "start it with the rendered configuration: without them it can't be rewound")
        }
        return result("data_dir", .ok, "\(path): ours")
    }

    private var autoConf: CheckResult {
        guard survey.data == .pgdata, !survey.overridden.isEmpty else {
            return result("auto_conf", .ok, "nothing of ours in postgresql.auto.conf")
        }
        let names = survey.overridden.joined(separator: ", ")
        return result(
            "auto_conf", .failed, "postgresql.auto.conf sets \(names), which belongs to toolkit",
            survey.overridden.map { "ALTER SYSTEM RESET \($0)" }.joined(separator: "; "))
    }

    private var dataSpace: CheckResult {
        let free = place("data").freeBytes
        let least = survey.dataIsEmpty ? Self.freeBytesForInit : Self.freeBytesMin
        let found = "\(Self.megabytes(free)) free for \(node.dataDirectory)"
        if free < least {
            return result(
                "space", .failed, "\(found); \(Self.megabytes(least)) are needed",
                "make room on the file system of \(place("data").nearest)")
        }
        if free < Self.freeBytesComfortable {
            return result(
                "space", .warning, found, "make room: WAL of an absent standby is kept there")
        }
        return result("space", .ok, found)
    }

    static func megabytes(_ bytes: Int64) -> String { "\(bytes >> 20) MB" }

    func place(_ name: String) -> Survey.Place {
        survey.places[name]
            ?? Survey.Place(
                exists: false, isUsable: false, nearest: "/", owner: "root", freeBytes: 0,
                totalBytes: 0, fileSystem: "")
    }

    /// The command that root runs once, so that the SSH user needs no rights of root.
    func makeFolder(_ path: String) -> String {
        "install -d -o \(ShellWord.quote(survey.user)) -g \(ShellWord.quote(survey.group)) "
            + "-m 0700 \(ShellWord.quote(path))"
    }
}
