import ClusterFile
import Execution
import FailoverCore

/// What `hooks/deploy/survey.sh` saw of one node's machine.
struct Survey: Hashable, Sendable {
    enum DataDirectory: String, Hashable, Sendable {
        case missing
        case empty
        /// Holds files, but no PostgreSQL cluster.
        case foreign
        case pgdata
        /// Not a folder, or closed to the SSH user.
        case unreadable
    }

    /// A folder, or where it would be made.
    struct Place: Hashable, Sendable {
        var exists: Bool
        /// The user may write there.
        var isUsable: Bool
        /// The folder itself, or the closest one above it that exists.
        var nearest: String
        /// Who owns `nearest`.
        var owner: String
        var freeBytes: Int64
        /// Of the whole file system.
        var totalBytes: Int64
        /// `tmpfs`, `ext2/ext3`, `xfs` …
        var fileSystem: String
    }

    /// What Docker says of a docker node.
    struct Container: Hashable, Sendable {
        /// Nil when Docker does not answer; then `complaint` is what it said.
        var engine: String?
        var complaint: String
        var hasImage: Bool
        /// Whether there is the network that the container is to be in.
        var hasNetwork: Bool
        /// `running`, `exited` …; nil: there is no such container.
        var state: String?
        /// Docker's restart policy.
        var restart: String
        /// Whether it was made by the docker-run.sh that lies on the node.
        var isAsRendered: Bool
        /// Programs that the hooks need and that the image lacks.
        var missingTools: [String]
    }

    /// A unit of systemd or a cluster of Debian's that `nodes[].service` names.
    enum Service: String, Hashable, Sendable {
        case ready
        case missing
        /// It starts the server without taking its opening away.
        case unlocked
        /// sudo refuses to start it.
        case closed
        /// Nobody tells.
        case unseen
    }

    struct File: Hashable, Sendable {
        /// In octal, as stat prints it.
        var mode: String
        var hash: String
    }

    var user: String
    var group: String
    /// The machine's clock minus ours, as far as the round trip lets it be known.
    var clockOffsetMs: Int64
    /// Nil when the machine does not say.
    var memoryBytes: Int64?
    var cores: Int?
    /// Major and minor number of Linux; nil when they can't be read.
    var kernel: [Int]?
    var missingTools: [String]
    var missingPrograms: [String]
    /// As `postgres --version` prints it; empty when it does not run.
    var versionText: String
    var data: DataDirectory
    var dataVersion: Int?
    var systemIdentifier: String?
    /// `shut down`, `in production` …, as pg_controldata says it.
    var dataState: String
    var hasStandbySignal: Bool
    var hasChecksums: Bool
    var hasHintLogging: Bool
    /// Our settings that stand in postgresql.auto.conf.
    var overridden: [String]
    /// `data`, `config`, `state`, `runtime`, `socket`.
    var places: [String: Place]
    /// What node-apply has accepted; nil: this node was never ours.
    var stamp: Stamp?
    /// An initdb of ours was interrupted.
    var isInitializing: Bool
    var postmaster: Int?
    /// Process that serves the same port on the same socket folder and is none of ours.
    var portTakenBy: Int?
    /// Settings of the running server; empty when it doesn't run or doesn't answer.
    var serverSettings: [String: String]
    var isServerSilent: Bool
    /// Programs that look after the server on their own: `repmgrd (pid 12)`.
    var supervisors: String
    /// The data directory that this node was deployed with; nil: it never was.
    var deployedData: String?
    /// Nil where PostgreSQL's own programs start it.
    var service: Service?
    /// Nil for a native node.
    var container: Container?
    /// By the place of the path among those that were asked for.
    var files: [Int: File]

    /// Major version of the binaries; nil when they say nothing that can be read.
    var major: Int? {
        versionText.split(separator: " ").lazy
            .compactMap { word in word.split(separator: ".").first.flatMap { Int($0) } }
            .first
    }

    /// Its server runs and has never read our configuration.
    var runsOnItsOwn: Bool {
        postmaster != nil && !isServerSilent && serverSettings["toolkit_term"]?.isEmpty != false
    }

    var dataIsEmpty: Bool { data == .missing || data == .empty || isInitializing }
}

extension Survey {
    /// Nil when the output is cut off. `clock` is ours in the middle of the round trip.
    init?(output: String, clock: Int64) {
        var facts: [Substring: String] = [:]
        for line in output.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "=") else { continue }
            facts[line[..<equals]] = String(line[line.index(after: equals)...])
        }
        guard facts["end"] == "yes" else { return nil }
        func text(_ key: Substring) -> String { facts[key] ?? "" }
        func words(_ key: Substring) -> [String] {
            text(key).split(separator: " ").map(String.init)
        }

        user = text("user")
        group = text("group")
        clockOffsetMs = Int64(text("clock")).map { $0 - clock } ?? 0
        memoryBytes = Int64(text("memory")).map { $0 << 10 }
        cores = Int(text("cores"))
        let release = text("kernel").split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        kernel = release.count == 2 ? release : nil
        missingTools = words("tools.missing")
        missingPrograms = words("binaries.missing")
        versionText = text("binaries.version")
        data = DataDirectory(rawValue: text("data")) ?? .unreadable
        dataVersion = Int(text("data.version"))
        systemIdentifier = facts["data.system_identifier"]
        hasChecksums = !["", "0"].contains(text("data.checksums"))
        hasHintLogging = text("data.hints") == "on"
        dataState = text("data.state")
        hasStandbySignal = text("data.standby") == "yes"
        overridden = words("data.overridden")
        places = [:]
        for name in ["data", "config", "state", "runtime", "socket"] {
            places[name] = Place(name, facts)
        }
        let numbers = words("stamp").compactMap { Int($0) }
        stamp =
            numbers.count == 2 ? Stamp(term: Term(numbers[0]), step: Revision(numbers[1])) : nil
        isInitializing = text("initializing") == "yes"
        postmaster = Int(text("server.running"))
        portTakenBy = Int(text("server.port_taken_by"))
        isServerSilent = text("server.silent") == "yes"
        supervisors = words("server.supervisors").joined(separator: " ")
        deployedData = facts["deployed.data"]
        service = facts["service"].flatMap(Service.init)
        container = Container(facts)
        serverSettings = [:]
        files = [:]
        for (key, value) in facts {
            if key.hasPrefix("server."), postmaster != nil {
                serverSettings[String(key.dropFirst(7))] = value
            }
            let words = value.split(separator: " ")
            if key.hasPrefix("file."), let number = Int(key.dropFirst(5)), words.count == 2 {
                files[number] = File(mode: String(words[0]), hash: String(words[1]))
            }
        }
    }
}

extension Survey.Container {
    fileprivate init?(_ facts: [Substring: String]) {
        guard facts["docker.version"] != nil || facts["docker.complaint"] != nil else { return nil }
        engine = facts["docker.version"]
        complaint = facts["docker.complaint"] ?? ""
        hasImage = facts["docker.image"]?.isEmpty == false
        hasNetwork = facts["docker.network"]?.isEmpty == false
        let found =
            facts["docker.container"]?.split(
                separator: " ", omittingEmptySubsequences: false) ?? []
        state = found.first.map { String($0) }
        restart = found.count > 1 ? String(found[1]) : ""
        isAsRendered = found.count > 2 && found[2] == facts["docker.definition", default: ""]
        missingTools = (facts["binaries.tools"] ?? "").split(separator: " ").map(String.init)
    }
}

extension Survey.Place {
    fileprivate init(_ name: String, _ facts: [Substring: String]) {
        func text(_ key: String) -> String { facts["\(name).\(key)"[...]] ?? "" }
        exists = text("exists") == "yes"
        isUsable = text("usable") == "yes"
        nearest = text("nearest")
        owner = text("owner")
        let space = text("space").split(separator: " ", maxSplits: 3)
        let numbers = space.prefix(3).map { Int64($0) ?? 0 }
        let size = numbers.count == 3 ? numbers[2] : 0
        freeBytes = (numbers.first ?? 0).multipliedReportingOverflow(by: size).partialValue
        totalBytes =
            numbers.dropFirst().first.map {
                $0.multipliedReportingOverflow(by: size).partialValue
            } ?? 0
        fileSystem = space.count == 4 ? String(space[3]) : ""
    }
}
