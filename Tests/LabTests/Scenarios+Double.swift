import FailoverCore
import Foundation
import Glibc
import Store

/// Two things are wrong at a time, or one half of a node.
extension Scenario {
    static let doubles: [Scenario] = [
        Scenario(
            id: "L24", what: "a standby is lost, later the primary", boundMs: 3_500, isPatient: true
        ) { stage in
            let cluster = stage.cluster
            let old = try await cluster.primary()
            let standby = try await cluster.standbys()[0]
            try await stage.isDegraded(of: standby) { try await cluster[standby].powerOff() }
            try await Task.sleep(for: .seconds(stage.isFull ? 30 : 5))
            let fault = ContinuousClock.now
            try await cluster[old].powerOff()
            try await stage.failedOver(from: old, since: fault, within: .seconds(40))
            for lost in [standby, old] {
                try await cluster[lost].boot()
                _ = try? await cluster[lost].startPostgres()
            }
            try await stage.redundant(since: .now)
        },
        Scenario(id: "L23", what: "the primary and a standby are lost together", isPatient: true) {
            stage in try await lostTogether(stage)
        },
        Scenario(
            id: "L25", what: "a standby's replay is paused as the primary dies", boundMs: 2_000
        ) { stage in
            let cluster = stage.cluster
            let old = try await cluster.primary()
            let paused = try await cluster.standbys()[0]
            try await cluster[paused].sql("SELECT pg_wal_replay_pause()")
            try await Task.sleep(for: .seconds(1))
            let fault = ContinuousClock.now
            try await cluster[old].killPostgres()
            try await stage.failedOver(from: old, since: fault, within: .seconds(30))
            try await stage.redundant(since: fault)
            let said = try await cluster.events().filter {
                $0.summary.contains("seal on \(paused): done")
            }
            stage.check(!said.isEmpty, "\(paused) was not sealed")
        },
        Scenario(
            id: "L28", what: "the preferred standby lags as the primary dies", boundMs: 8_500,
            prepare: { cluster, _ in
                try cluster.configure("name: vm2,", "name: vm2, priority: 90,")
            },
            play: { try await preferredLags($0) }),
        Scenario(
            id: "L32", what: "a standby's disk is full", boundMs: 3_500, isPatient: true,
            prepare: { cluster, _ in
                try "600000\n".write(
                    toFile: "\(cluster.vms[1].folder)/disk_kilobytes", atomically: true,
                    encoding: .utf8)
            },
            play: { try await diskIsFull($0) }),
        Scenario(
            id: "L44", what: "no sshd on the primary that dies", boundMs: 3_500
        ) { stage in
            let cluster = stage.cluster
            let old = try await cluster.primary()
            try await cluster[old].stopSSHD()
            let fault = ContinuousClock.now
            try await cluster[old].killPostgres()
            try await stage.failedOver(from: old, since: fault, within: .seconds(30))
            try await cluster[old].startSSHD()
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L44b", what: "no sshd on either standby as the primary dies", boundMs: 3_500
        ) { stage in
            let cluster = stage.cluster
            let standbys = try await cluster.standbys()
            for standby in standbys { try await cluster[standby].stopSSHD() }
            try await stage.promotesOverSQL()
            for standby in standbys { try await cluster[standby].startSSHD() }
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "L44c", what: "SSH to the standbys vanishes as the primary dies", boundMs: 3_500
        ) { stage in
            let cluster = stage.cluster
            for standby in try await cluster.standbys() {
                try await cluster.lab.inNetwork(
                    of: cluster[standby], "nft add rule inet lab in tcp dport 22 drop")
            }
            try await stage.promotesOverSQL()
            try await cluster.lab.healNetwork(cluster.vms)
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "HOOK", what: "the promote hook of the preferred standby is garbage",
            boundMs: 8_000,
            prepare: { cluster, _ in
                try cluster.configure("name: vm2,", "name: vm2, priority: 90,")
                try cluster.configure("failover: { promote_timeout: 5s }")
            },
            play: { try await hookIsGarbage($0) }),
        Scenario(id: "L40", what: "a rewind is killed in the middle", isPatient: true) { stage in
            for isReset in [false, true] { try await rewindIsKilled(stage, isReset: isReset) }
        },
    ]

    private static func lostTogether(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let standbys = try await cluster.standbys()
        try await cluster[standbys[0]].powerOff()
        try await cluster[old].powerOff()
        let fault = ContinuousClock.now
        try await stage.says("\(standbys[0]) silent")
        try await Task.sleep(for: .seconds(stage.isFull ? 30 : 6))
        stage.check(
            await cluster[standbys[1]].isInRecovery() == true, "\(standbys[1]) was promoted alone")
        stage.check(
            !stage.writers.acknowledged.contains { $0.sent > fault }, "somebody acknowledged")
        try await cluster[standbys[0]].boot()
        let back = ContinuousClock.now
        try await cluster[standbys[0]].startPostgres()
        try await stage.failedOver(from: old, since: back, within: .seconds(30))
        try await cluster[old].boot()
        // It may be worked on before it is up by itself.
        _ = try? await cluster[old].startPostgres()
        try await stage.redundant(since: .now)
    }

    /// What was uploaded is not what lies there now.
    private static func hookIsGarbage(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        try await cluster["vm2"].run([
            "sh", "-euc",
            """
            for hook in /mnt/lib/lab/vm2/hooks/*/promote_command.sh; do
                printf '\\000\\377 not a script\\n' >"$hook"
            done
            """,
        ])
        let fault = ContinuousClock.now
        try await cluster[old].killPostgres()
        try await stage.failedOver(from: old, since: fault, within: .seconds(60))
        // On a machine so busy that its runner seems silent, SQL does what the shipped hook would.
        let bySQL = try await cluster.events().contains {
            $0.output?.contains("promoted by SQL") ?? false
        }
        let primary = try await cluster.primary()
        stage.check(primary == "vm3" || bySQL, "vm2 was opened without its hook")
        try await stage.redundant(since: fault)
    }

    private static func preferredLags(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let slow = cluster["vm2"]
        try await cluster.lab.limit(to: slow, rate: "1mbit")
        // More than the line takes in these seconds.
        try await cluster[old].writeWAL(megabytes: 3)
        try await Task.sleep(for: .seconds(1))
        let fault = ContinuousClock.now
        // With its machine: else it would be started again when the slow one can't be asked in time.
        try await cluster[old].powerOff()
        try await until("a successor was chosen", within: .seconds(60)) {
            await cluster.state()?.primary.map { $0 != old } ?? false
        }
        // As the last voter it would hold every commit up for as long as its line takes.
        try await cluster.lab.limit(to: slow, rate: nil)
        try await stage.failedOver(from: old, since: fault, within: .seconds(60))
        try await cluster[old].boot()
        _ = try? await cluster[old].startPostgres()
        try await stage.redundant(since: .now)
    }

    private static func diskIsFull(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let mark = try await stage.mark()
        let full = NodeID("vm2")
        stage.expectedInLogs = /No space left on device/
        let fault = ContinuousClock.now
        try await stage.isDegraded(of: full) {
            _ = try? await cluster[full].run(["sh", "-c", "cat /dev/zero >/mnt/data/fill"])
            // Segments that stand ready take some: the next one does not fit.
            try await cluster[old].writeWAL(megabytes: 150)
        }
        try await stage.writers.goOn(100)
        stage.note(LabOutage(stage.writers.acknowledged, since: fault))
        stage.check(try await cluster.primary() == old, "the primary has changed")
        try await stage.says("vm2")
        let rules = try await stage.rules(after: mark)
        stage.check(!rules.contains("suspect.confirmed"), "a failover began")
        try await cluster[full].run(["rm", "/mnt/data/fill"])
        if cluster[full].postmaster == nil { try await cluster[full].startPostgres() }
        try await stage.redundant(since: .now)
    }

    /// An old primary whose log goes on past the fork: it was started beside us.
    private static func rewindIsKilled(_ stage: Stage, isReset: Bool) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let vm = cluster[old]
        try await vm.stopSSHD()
        let fault = ContinuousClock.now
        try await vm.killPostgres()
        try await stage.failedOver(from: old, since: fault, within: .seconds(30))
        (stage.figures.writableMs, stage.figures.slowestMs) = (nil, nil)
        try await vm.startPostgres()
        let mark = try await stage.mark()
        let back = ContinuousClock.now
        try await vm.startSSHD()
        var rewind: [pid_t] = []
        try await until("pg_rewind copies", within: .seconds(30), every: .milliseconds(1)) {
            rewind = vm.processes(named: "pg_rewind --no-ensure").filter {
                Processes.command($0).contains("--progress")
            }
            return !rewind.isEmpty
        }
        for process in rewind { kill(process, SIGSTOP) }
        let marker = "\(vm.folder)/lib/lab/\(old)/marker"
        stage.check(access(marker, F_OK) == 0, "the rewind runs without its marker")
        if isReset {
            try await vm.reset()
            stage.check(
                (try? await vm.startPostgres()) == nil, "a half-rewound server was started")
        } else {
            try await vm.end(rewind)
        }
        try await stage.redundant(since: back)
        let said = try await cluster.events(after: mark).map(\.summary)
        stage.check(
            said.contains {
                $0.contains("clone on \(old): done") || $0.contains("rewind on \(old): done")
            },
            "\(old) was neither cloned nor rewound again")
        let data = (try? FileManager.default.contentsOfDirectory(atPath: "\(vm.folder)/data")) ?? []
        if said.contains(where: { $0.contains("clone on \(old): done") }) {
            stage.check(
                data.contains { $0.hasPrefix("pg.aside.") }, "the old data were not set aside")
        }
    }
}

extension Stage {
    /// Does what makes a standby useless, and waits until commits go on without it.
    func isDegraded(of standby: NodeID, _ fault: () async throws -> Void) async throws {
        try await fault()
        try await until("\(standby) is no voter", within: .seconds(40)) {
            let configs = await cluster.state()?.configs ?? []
            return configs.count == 1 && !configs[0].voters.contains(standby)
        }
        try await writers.goOn()
    }

    /// The primary dies; nothing can be run over SSH on the others.
    func promotesOverSQL() async throws {
        let old = try await cluster.primary()
        let fault = ContinuousClock.now
        try await cluster[old].killPostgres()
        try await failedOver(from: old, since: fault, within: .seconds(60))
        for standby in LabCluster.nodes where standby != old.rawValue {
            let stamp = try? String(
                contentsOfFile: "\(cluster[standby].folder)/lib/lab/\(standby)/stamp",
                encoding: .utf8)
            let term = stamp.flatMap { $0.split(separator: " ").first }.flatMap { Int($0) } ?? 0
            check(term >= 2, "\(standby) keeps the stamp \(stamp ?? "none")")
        }
    }
}

extension LabVM {
    /// Without waiting for any standby.
    func writeWAL(megabytes: Int) async throws {
        try await sql(
            """
            SET synchronous_commit = local;
            SELECT count(pg_logical_emit_message(false, 'lab', repeat('x', 100000)))
            FROM generate_series(1, \(10 * megabytes))
            """)
    }
}
