import FailoverCore
import Foundation
import Glibc
import Store

/// Servers that come back by themselves, or by another hand.
extension Scenario {
    static let restarts: [Scenario] = [
        Scenario(id: "L3", what: "kill -9 of one backend", boundMs: 5_000) { stage in
            let cluster = stage.cluster
            let mark = try await stage.mark()
            let primary = try await cluster.primary()
            let backends = cluster[primary].processes(named: ": app postgres ")
            guard let victim = backends.first else { throw LabError("no writer's backend") }
            let fault = ContinuousClock.now
            Glibc.kill(victim, SIGKILL)
            try await until("the server says that it restarts", within: .seconds(10)) {
                cluster[primary].log.contains("all server processes terminated; reinitializing")
            }
            try await stage.writers.goOn(50)
            stage.note(LabOutage(stage.writers.acknowledged, since: fault))
            try await stage.redundant(since: fault)
            stage.check(try await cluster.primary() == primary, "the primary has changed")
            let rules = try await stage.rules(after: mark)
            stage.check(!rules.contains("suspect.confirmed"), "a failover began")
        },
        Scenario(
            id: "L18", what: "a standby is promoted by hand", isPatient: true
        ) { stage in
            let cluster = stage.cluster
            let primary = try await cluster.primary()
            let stray = try await cluster.standbys()[0]
            let fault = ContinuousClock.now
            try await cluster[stray].promoteByHand()
            // In one answer: the next one may be of a server that is being brought back already.
            var seen = ""
            try await until(
                "\(stray) is out of recovery", within: .seconds(10), every: .milliseconds(5)
            ) {
                seen =
                    await cluster[stray].value(
                        "SELECT NOT pg_is_in_recovery(), \(LabVM.lockSettings)") ?? ""
                return seen.hasPrefix("t")
            }
            stage.check(seen == "t|\(LabVM.locked)", "\(stray) was not locked: \(seen)")
            try await until("the scheduler has seen it", within: .seconds(10)) {
                await cluster.state()?.isHealthy == false
            }
            try await stage.redundant(since: fault)
            stage.note(LabOutage(stage.writers.acknowledged, since: fault))
            stage.check(await cluster[stray].isInRecovery() == true, "\(stray) is no standby")
            stage.check(try await cluster.primary() == primary, "the primary has changed")
            stage.neverAcknowledged(stray, since: fault)
            let said = try await cluster.events().map(\.summary)
            stage.check(
                said.contains {
                    $0.contains("rewind on \(stray)") || $0.contains("clone on \(stray)")
                },
                "\(stray) was neither rewound nor cloned")
        },
        Scenario(
            id: "L19", what: "the old primary is started by hand, its sshd is down", isPatient: true
        ) { stage in try await startedByHand(stage) },
        Scenario(
            id: "L20", what: "a supervisor restarts the killed primary", boundMs: 1_000,
            prepare: { cluster, _ in cluster.vms[0].isSupervised = true },
            play: { try await supervised($0) }),
        Scenario(
            id: "L21", what: "the primary's VM is reset and starts by itself", boundMs: 3_500
        ) { stage in
            let cluster = stage.cluster
            let old = try await cluster.primary()
            let fault = ContinuousClock.now
            try await cluster[old].reset()
            // It may be fenced before it is up: then its init system says that it failed.
            let isUp = (try? await cluster[old].startPostgres()) != nil
            let isOpen = await cluster[old].value("SHOW default_transaction_read_only") == "off"
            stage.check(!(isUp && isOpen), "\(old) was open at boot")
            try await until("somebody acknowledges", within: .seconds(30)) {
                stage.writers.acknowledged.last.map { $0.sent > fault } ?? false
            }
            try await stage.writers.goOn(100)
            stage.note(LabOutage(stage.writers.acknowledged, since: fault))
            try await stage.redundant(since: fault)
        },
        Scenario(
            id: "L17", what: "a promotion that comes late, on the first candidate",
            boundMs: 13_000, isPatient: true,
            prepare: { cluster, isFull in
                try cluster.replaceHook(
                    "promote_command", with: sleepingPromotion(seconds: isFull ? 120 : 40))
                try cluster.configure("failover: { promote_timeout: 10s }")
            },
            play: { try await zombie($0) }),
        Scenario(
            id: "CLOCK", what: "the primary's wall clock jumps by an hour, by two, and back",
            isPatient: true,
            prepare: { cluster, _ in try cluster.vms[0].giveClock() },
            play: { try await clocksJump($0) }),
    ]

    /// A postmaster of its own, as somebody at the keyboard starts it: nothing is taken away first.
    private static func startedByHand(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        let fault = ContinuousClock.now
        try await cluster[old].stopSSHD()
        try await cluster[old].killPostgres()
        try await stage.failedOver(from: old, since: fault, within: .seconds(30))
        stage.check(
            access(cluster[old].outside("/run/toolkit/lab/\(old)/open.conf"), F_OK) == 0,
            "open.conf did not survive: the scenario shows nothing")
        let started = ContinuousClock.now
        try await cluster[old].startByHand()
        try await until("\(old) is locked over SQL", within: .seconds(10), every: .milliseconds(20))
        {
            await cluster[old].isLocked()
        }
        let locked = (ContinuousClock.now - started).milliseconds
        // Two ticks of half a second, three times over.
        stage.check(locked < 3_000, "\(old) was locked after \(locked) ms")
        try await stage.writers.goOn(100)
        stage.neverAcknowledged(old, since: started)
        let back = ContinuousClock.now
        try await cluster[old].startSSHD()
        try await stage.redundant(since: back)
        let said = try await cluster.events().map { "\($0.summary) \($0.because)" }
        stage.check(
            said.contains { $0.contains("rewind on \(old): done") && $0.contains("rewound from") },
            "\(old) was not rewound")
    }

    private static func supervised(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let vm = cluster[try await cluster.primary()]
        let logged = vm.log.utf8.count
        let fault = ContinuousClock.now
        try vm.killPostmaster()
        try await until(
            "the supervisor has started it", within: .seconds(30), every: .milliseconds(5)
        ) {
            vm.log.dropFirst(logged).contains("starting PostgreSQL")
        }
        try await until(
            "somebody acknowledges again", within: .seconds(30), every: .milliseconds(5)
        ) {
            stage.writers.acknowledged.last.map { $0.sent > fault + .milliseconds(20) } ?? false
        }
        try await stage.writers.goOn(100)
        stage.note(LabOutage(stage.writers.acknowledged, since: fault))
        try await stage.redundant(since: fault)
    }

    private static func clocksJump(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let mark = try await stage.mark()
        var worst = stage.figures
        let vm = cluster.vms[0]
        for hours in [1, -1, 0] {
            let jump = ContinuousClock.now
            try vm.setClock(hours: hours)
            try await until("\(vm.name) has another time", within: .seconds(10)) {
                let told = await vm.value("SELECT extract(epoch FROM now())::bigint")
                let expected = Date().timeIntervalSince1970 + Double(3_600 * hours)
                return told.flatMap { Double($0) }.map { abs($0 - expected) < 60 } ?? false
            }
            try await Task.sleep(for: .seconds(4))
            stage.note(LabOutage(stage.writers.acknowledged, since: jump))
            stage.figures.keepWorst(of: worst)
            worst = stage.figures
            try await cluster.healthy()
        }
        let rules = try await stage.rules(after: mark)
        stage.check(!rules.contains("suspect.confirmed"), "a failover began")
        stage.check(!rules.contains("member.plan"), "a node was worked on")
    }

    private static func zombie(_ stage: Stage) async throws {
        let cluster = stage.cluster
        let old = try await cluster.primary()
        try await cluster.hooksAreUploaded(2)
        // Else it would be started again on a machine so busy that the standbys seem silent.
        try await cluster[old].stopSSHD()
        let fault = ContinuousClock.now
        try await cluster[old].killPostgres()
        try await stage.failedOver(from: old, since: fault, within: .seconds(120))
        try await cluster[old].startSSHD()
        func has(_ file: String, _ vm: LabVM) -> Bool {
            access("\(vm.folder)/lib/lab/\(vm.name)/\(file)", F_OK) == 0
        }
        guard let late = cluster.vms.first(where: { has("slept", $0) }) else {
            throw LabError("no promotion was late")
        }
        let candidate = NodeID(stringLiteral: late.name)
        stage.check(try await cluster.primary() != candidate, "the sleeping candidate was opened")
        try await until("the late promotion happens", within: .seconds(180)) { has("woke", late) }
        let woke = ContinuousClock.now
        stage.check(
            late.log.contains("received promote request"),
            "\(candidate) was not promoted late: the scenario shows nothing")
        try await Task.sleep(for: .seconds(2))
        try await stage.redundant(since: woke)
        stage.neverAcknowledged(candidate, since: fault)
        stage.check(await late.isInRecovery() == true, "\(candidate) is no standby")
    }

    /// The first candidate leaves a promotion behind, out of reach of whoever ends hooks; and until
    /// that wakes no attempt on this node does its work.
    static func sleepingPromotion(seconds: Int) -> String {
        """
        #!/bin/sh
        set -eu
        slept=$TOOLKIT_STATE_DIR/slept woke=$TOOLKIT_STATE_DIR/woke
        if [ "$TOOLKIT_TERM" = 2 ] && [ ! -e "$slept" ]; then
            : >"$slept"
            setsid sh -c 'sleep \(seconds)
                "$PG_BINDIR/pg_ctl" promote --no-wait --pgdata "$PGDATA"
                : >"$TOOLKIT_STATE_DIR/woke"' </dev/null >/dev/null 2>&1 &
        fi
        if [ -e "$slept" ] && [ ! -e "$woke" ]; then sleep \(seconds); fi
        exec "$PG_BINDIR/pg_ctl" promote --no-wait --pgdata "$PGDATA"

        """
    }
}
