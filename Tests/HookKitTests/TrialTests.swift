import ClusterFile
import FailoverCore
import Foundation
import Hooks
import Testing

@testable import HookKit

@Suite("hook test", .serialized)
struct TrialTests {
    private func verdicts(
        of hooks: [HookName], in own: OwnHooks, _ setting: String = ""
    ) async throws -> [HookVerdict] {
        let trial = try HookTrial(try own.settings(setting), sharedHooks: OwnHooks.shared)
        var verdicts: [HookVerdict] = []
        try await trial.run(hooks) { verdicts.append($0) }
        return verdicts
    }

    @Test func everyShippedHookOfANodePasses() async throws {
        try await OwnHooks.with { (own) async throws in
            let verdicts = try await verdicts(of: HookName.allCases, in: own)
            for verdict in verdicts {
                #expect(verdict.checks.allSatisfy { $0.check == .passed }, "\(verdict)")
            }
            let tried = Set(verdicts.map { $0.hook.split(separator: " ")[0].description })
            let shipped = HookCatalogue.all.filter { $0.defaultFile != nil }.map(\.setting)
            #expect(tried == Set(shipped))
        }
    }

    @Test(arguments: [
        ("pg_ctl promote -D /srv/pg", true), ("ls '/srv/pg/pg_wal'", true), ("/srv/pg", true),
        ("ls /srv/pg15", false), ("ls /srv/pg-old", false), ("ls /mnt/srv/pg", false), ("", false),
    ])
    func knowsAPathFromTheBeginningOfAnother(_ text: String, _ isNamed: Bool) {
        #expect(HookTrial.names("/srv/pg", in: text) == isNamed)
    }

    @Test func seesThatAJobIsNotDone() async throws {
        try await OwnHooks.with { (own) async throws in
            try own.write("#!/bin/sh\nset -eu\n", to: "fence_command.sh")
            let verdict = try #require(try await verdicts(of: [.fenceCommand], in: own).first)
            #expect(verdict.job == .failed("PostgreSQL still runs"))
            #expect(!verdict.isPassed)
        }
    }

    @Test func seesAHookThatCanRunOnlyOnceAndItsProcessThatStays() async throws {
        try await OwnHooks.with { (own) async throws in
            try own.write(
                """
                #!/bin/sh
                set -eu
                here=$(dirname -- "$0")
                . "$here/lib/common.sh"
                mkdir -- "$TOOLKIT_STATE_DIR/once"
                setsid sleep 300 &
                kill -s HUP "$(head -n 1 -- "$PGDATA/postmaster.pid")"
                log told

                """, to: "service_reload_command.sh")
            let verdict = try #require(
                try await verdicts(of: [.serviceReloadCommand], in: own).first)
            #expect(verdict.job == .passed && verdict.stale == .passed)
            #expect(verdict.twice.isFailure)
            #expect(verdict.deadline == .failed("its processes outlive it: sleep 300"))
        }
    }

    @Test func triesCommandLinesDropInsAndTheSchedulersHooks() async throws {
        try await OwnHooks.with { (own) async throws in
            try own.write("#!/bin/sh\nexit 3\n", to: "service_stop_command.d/pre-no")
            let setting = """
                hooks:
                  service_start_command: "true"
                  failover_validation_command: "[ %v -gt 1 ]"
                  event_notification_command: "exit 9"
                """
            let verdicts = try await verdicts(
                of: [
                    .serviceStopCommand, .serviceStartCommand, .failoverValidationCommand,
                    .eventNotificationCommand, .childNodesDisconnectCommand,
                ], in: own, setting)
            let jobs = Dictionary(uniqueKeysWithValues: verdicts.map { ($0.hook, $0.job) })
            #expect(jobs["service_stop_command"] == .failed("it ended with 3"))
            #expect(jobs["service_start_command"] == .failed("PostgreSQL does not run"))
            #expect(jobs["failover_validation_command"] == .passed)
            #expect(jobs["event_notification_command"] == .failed("it ended with 9"))
            #expect(jobs.count == 4)
        }
    }

    @Test func triesTheHooksOfDockerNodesWithoutDockerAndSaysSo() async throws {
        try await OwnHooks.with { (own) async throws in
            #expect(try HookTrial(own.settings(), sharedHooks: OwnHooks.shared).caveat == nil)
            var settings = try own.settings()
            settings.nodes[1].docker = DockerSettings(
                image: "nobody/has:1", container: "c", volume: "v", mount: "/m", network: "host")
            let trial = try HookTrial(settings, sharedHooks: OwnHooks.shared)
            #expect(trial.caveat?.hasPrefix("docker nodes (node2): ") == true)
            var verdicts: [HookVerdict] = []
            try await trial.run([.followCommand, .serviceStopCommand]) { verdicts.append($0) }
            #expect(verdicts.count == 2 && verdicts.allSatisfy(\.isPassed), "\(verdicts)")
        }
    }
}
