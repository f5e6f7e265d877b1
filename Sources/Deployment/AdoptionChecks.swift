import ClusterFile
import FailoverCore
import Hooks

extension Deployment {
    func adoptionChecks(
        _ primary: NodeID, _ surveys: [NodeSurvey], _ files: [NodeID: [DesiredFile]]
    ) -> [CheckResult] {
        let runs = surveys.first { $0.node.id == primary }?.survey?.runsOnItsOwn ?? false
        return surveys.flatMap { found -> [CheckResult] in
            guard let survey = found.survey else { return [] }
            let node = found.node
            if survey.runsOnItsOwn, node.id != primary, !runs {
                return [
                    CheckResult(
                        node.id, "adopt", .failed,
                        found: "its server runs, and that of \(primary) does not run as it did",
                        next: "stop it cleanly too (pg_ctl stop -m fast), then adopt again")
                ]
            }
            let path = NodeEnvironment.configFile(of: node)
            let file = files[node.id]?.first { $0.path == path }
            return AdoptionChecks(
                settings: settings, node: node, survey: survey, isPrimary: node.id == primary,
                configuration: String(decoding: file?.contents ?? [], as: UTF8.self)
            ).results
        }
    }
}

/// What stands in the way of taking a server over while it runs, or will surprise at its next start.
struct AdoptionChecks {
    let settings: ClusterSettings
    let node: NodeSettings
    let survey: Survey
    let isPrimary: Bool
    /// The postgresql.conf that the server will be started with next.
    let configuration: String

    /// For a server that does not run on a configuration of its own, only who looks after it.
    var results: [CheckResult] {
        guard survey.runsOnItsOwn else { return [supervisors].compactMap(\.self) }
        // A standby is started anew, on our configuration.
        return
            ([supervisors, files]
            + (isPrimary
                ? [faults, pinned, level, address, slots, limits, rewind, replaced, own] : []))
            .compactMap(\.self)
    }

    private func result(
        _ status: CheckResult.Status, _ found: String, _ next: String
    ) -> CheckResult {
        CheckResult(node.id, "adopt", status, found: found, next: next)
    }

    private var supervisors: CheckResult? {
        guard !survey.supervisors.isEmpty else { return nil }
        return result(
            .failed, "\(survey.supervisors) looks after servers there on its own",
            "stop it so that PostgreSQL goes on, as `toolkit import` says; where that stops "
                + "PostgreSQL too, adopt the stopped servers")
    }

    private var files: CheckResult? {
        guard survey.serverSettings["config_file"] != NodeEnvironment.configFile(of: node) else {
            return result(
                .failed, "its own postgresql.conf lies where ours goes",
                "choose another config_dir in cluster.yaml")
        }
        guard let closed = survey.serverSettings["closed"], !closed.isEmpty else { return nil }
        return result(
            .failed, "\(closed): not writable for \(survey.user), or its folder is not",
            "let \(survey.user) write there, or stop the server cleanly: then they are not needed")
    }

    private var faults: CheckResult? {
        guard let faults = survey.serverSettings["faults"], !faults.isEmpty else { return nil }
        return result(.failed, "its own files have faults: \(faults)", "correct them")
    }

    /// What a command line says no file can change: such a server could never be locked.
    private var pinned: CheckResult? {
        guard let names = survey.serverSettings["pinned"], !names.isEmpty else { return nil }
        return result(
            .failed, "its command line sets \(names), above every file",
            "start it without that option when that suits, or adopt it stopped")
    }

    /// With less the next start refuses a logical slot.
    private var level: CheckResult? {
        guard survey.serverSettings["wal_level"] == "logical", value(of: "wal_level") != "logical"
        else { return nil }
        return result(
            .failed, "wal_level is logical, and cluster.yaml would lower it",
            "add to postgresql.parameters: wal_level: logical")
    }

    private var replaced: CheckResult? {
        let names = ownNames.filter { value(of: $0) != nil }
        guard !names.isEmpty else { return nil }
        return result(
            .warning, "set in its own files and by cluster.yaml: \(names.joined(separator: ", "))",
            "ours count as soon as it is adopted, those that need a restart at its next start: "
                + "compare them")
    }

    private var address: CheckResult? {
        let listens = (survey.serverSettings["listen_addresses"] ?? "").split(separator: ",")
            .map { $0.filter { !$0.isWhitespace } }
        let isReached = listens.contains { address in
            ["*", "0.0.0.0", "::", node.host].contains(address)
                // A name may stand for any of its addresses, but not for loopback's alone.
                || (!Self.isAddress(node.host) && !Self.isLoopback(address))
        }
        guard !isReached else { return nil }
        return result(
            .failed,
            "it listens on \(listens.isEmpty ? "no address" : listens.joined(separator: ", ")), "
                + "and the others reach it at \(node.host)",
            "set listen_addresses and restart it when that suits, or adopt it stopped")
    }

    private static func isAddress(_ host: String) -> Bool {
        host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
    }

    private static func isLoopback(_ address: String) -> Bool {
        address == "localhost" || address == "::1" || address.hasPrefix("127.")
    }

    /// A cluster uses two for each node while attach numbers change.
    private var slots: CheckResult? {
        let wanted = 2 * settings.nodes.count
        guard let has = survey.serverSettings["max_replication_slots"].flatMap({ Int($0) }),
            has < wanted
        else { return nil }
        return result(
            .failed, "max_replication_slots is \(has) with \(settings.nodes.count) nodes",
            "raise it to \(wanted) and restart it when that suits, or adopt it stopped")
    }

    /// A standby with less than its primary doesn't start.
    private var limits: CheckResult? {
        let lower = LiveServer.limitNames.compactMap { name -> String? in
            guard let has = survey.serverSettings[name].flatMap({ Int($0) }),
                let ours = value(of: name).flatMap({ Int($0) }) ?? Self.defaults[name], ours < has
            else { return nil }
            return "\(name): \(has)"
        }
        guard !lower.isEmpty else { return nil }
        return result(
            .failed, "it has more than cluster.yaml would give its standbys, which would not start",
            "add to postgresql.parameters: \(lower.joined(separator: ", "))")
    }

    /// Of PostgreSQL 13 to 18, where the template says nothing.
    private static let defaults = [
        "max_locks_per_transaction": 64, "max_prepared_transactions": 0,
    ]

    private var rewind: CheckResult? {
        guard !survey.hasChecksums, survey.serverSettings["wal_log_hints"] != "on" else {
            return nil
        }
        return result(
            .warning, "neither data checksums nor wal_log_hints",
            "until its next start it can't be rewound: after a failover it is cloned")
    }

    private var own: CheckResult? {
        let names = ownNames.filter { value(of: $0) == nil }
        guard !names.isEmpty else { return nil }
        return result(
            .warning, "set in its own files alone: \(names.joined(separator: ", "))",
            "copy into postgresql.parameters what should hold after its next start, and on the "
                + "other nodes")
    }

    private var ownNames: [String] {
        (survey.serverSettings["own"] ?? "").split(separator: " ").map(String.init)
            .filter { !Self.owned.contains($0) }
    }

    /// The last that postgresql.conf says of it.
    private func value(of name: String) -> String? {
        let lines = configuration.split(separator: "\n").filter { line in
            line.split(separator: "=", maxSplits: 1).first?
                .trimmingSpaces == name
        }
        return lines.last?.split(separator: "=", maxSplits: 1).last?
            .split(separator: "#").first?.filter { $0 != "'" }.trimmingSpaces
    }

    /// Settings that node.conf, open.conf and the places are for.
    private static let owned: Set<String> = [
        "primary_conninfo", "primary_slot_name", "synchronous_standby_names",
        "default_transaction_read_only", "external_pid_file", "hot_standby", "port",
        "listen_addresses", "unix_socket_directories", "data_directory", "hba_file", "ident_file",
        "cluster_name",
    ]
}

extension StringProtocol {
    fileprivate var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
