import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store
import Testing

@testable import Demo
@testable import ToolkitTesting

/// The scheduler stops between its decision to fence and the act, and another one decides meanwhile.
@Suite("A scheduler that sleeps before it fences")
struct SleepingFenceTests {
    @Test(.timeLimit(.minutes(10)))
    func doesNotFenceWhatBelongsToANewerTerm() async throws {
        try await ProcessCluster.with { cluster in
            try await cluster.bringUp()
            let trace = cluster.root + "/fenced"
            try cluster.fencesBeside("touch \(trace)")
            let daemon = try await cluster.runDaemon([
                "TOOLKIT_FAILPOINT": "before-effect:fence", "TOOLKIT_FAILPOINT_STOPS": "1",
                "TOOLKIT_FAILPOINT_ONCE": cluster.root + "/stopped",
            ])
            try await cluster.healthy()
            let killed = try await cluster.killPrimary()
            try await until("the scheduler has stopped", within: .seconds(30)) {
                daemon.isStopped
            }
            var other = try await cluster.stored()
            #expect(other.members.contains { $0.id == killed && $0.work?.kind == .fence })
            let revision = other.revision
            other.term = other.term.next
            other.revision = revision.next
            other.pausedSinceWallMs = 1
            let store = try await SQLiteStore(path: SchedulerPaths(cluster.settings).store)
            try await store.save(other, events: [], after: revision)

            daemon.signal(SIGCONT)
            try await until("the fence has ended", within: .seconds(30)) {
                try await cluster.events().contains { $0.summary.hasPrefix("fence on \(killed)") }
            }
            let ending = try await cluster.events().last { $0.effect?.hasSuffix(".fence") == true }
            #expect(ending?.outcome == "try again")
            #expect(!FileManager.default.fileExists(atPath: trace))
            try await cluster.kill(daemon)
        }
    }
}

extension ProcessCluster {
    /// Lets the scheduler fence by this command on its own machine.
    fileprivate func fencesBeside(_ command: String) throws {
        let file = layout.configPath
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try (text + "\nhooks: { fence_command: { command: \"\(command)\", run_on: scheduler } }\n")
            .write(toFile: file, atomically: false, encoding: .utf8)
    }
}

extension ChildProcess {
    /// By SIGSTOP.
    fileprivate var isStopped: Bool {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
        return text.split(separator: ")").last?.hasPrefix(" T ") ?? false
    }
}
