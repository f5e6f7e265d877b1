public import ClusterFile
import Execution
import FailoverCore
import Foundation
public import Hooks

/// Tries each hook on a throw-away PostgreSQL of this machine.
public struct HookTrial: Sendable {
    let ground: TrialGround
    let scripts: HookScripts

    /// The hooks of a cluster, with its own commands, drop-ins and deadlines.
    public init(_ settings: ClusterSettings, sharedHooks: String) throws(TrialError) {
        ground = try TrialGround(own: settings, sharedHooks: sharedHooks)
        scripts = HookScripts(settings: settings, sharedHooks: sharedHooks)
    }

    /// What a trial here does not tell of this cluster; nil: nothing.
    public var caveat: String? {
        let names = ground.own.nodes.filter { $0.docker != nil }.map(\.id.rawValue)
        guard !names.isEmpty else { return nil }
        return "docker nodes (\(names.joined(separator: ", "))): tried as the hooks work inside a "
            + "container, with PostgreSQL of this machine; their start, stop and fence by Docker are not"
    }

    /// Tries these hooks one after another, each case with nodes of its own; tells each verdict.
    public func run(_ hooks: [HookName], told: (HookVerdict) -> Void) async throws {
        do {
            try await ground.prepare()
            var number = 0
            for scene in TrialScene.all where hooks.contains(scene.hook) && runs(scene.hook) {
                told(try await verdict(on: scene, numbers: number + 1...number + 2))
                number += 2
            }
            for hook in hooks where HookCatalogue.entry(hook).place == .scheduler && runs(hook) {
                number += 1
                told(try await verdictOfTheScheduler(hook, number: number))
            }
            await ground.folder.remove()
        } catch {
            await ground.folder.remove()
            throw error
        }
    }

    /// What is not configured, and not shipped, is not tried; nor what leaves the throw-away nodes.
    public func runs(_ hook: HookName) -> Bool {
        // A fence beside the scheduler asks for machines that a throw-away node does not have.
        let isMoved = ground.own.hooks.byName[hook.rawValue]?.runsOnScheduler ?? false
        return !isMoved
            && (scripts.command(for: hook) != .none || !scripts.dropIns(of: hook).isEmpty)
    }

    /// Refuses a command that names the data of a real node: a trial of it would act on that node.
    public func refuseRealNodes(_ hooks: [HookName]) throws(TrialError) {
        for hook in hooks where runs(hook) {
            guard let text = text(of: hook),
                let node = ground.own.nodes.first(where: { Self.names($0.dataDirectory, in: text) })
            else { continue }
            throw TrialError(
                "\(hook) is not tried: it names \(node.dataDirectory), the data directory of "
                    + "\(node.id), and would act on it",
                next: "write \"$PGDATA\" instead, which each node fills in for itself")
        }
    }

    /// As a whole path, or one below it: `/srv/pg` is not named by `/srv/pg15`.
    static func names(_ folder: String, in text: String) -> Bool {
        func goesOn(_ character: Character?) -> Bool {
            character.map { $0.isLetter || $0.isNumber || "._-".contains($0) } ?? false
        }
        return text.ranges(of: folder).contains { range in
            let before = text[..<range.lowerBound].last
            return !goesOn(before) && before != "/" && !goesOn(text[range.upperBound...].first)
        }
    }

    private func text(of hook: HookName) -> String? {
        switch scripts.command(for: hook) {
        case .inline(let text): text
        case .file(let path): try? String(contentsOfFile: path, encoding: .utf8)
        case .none, .missing: nil
        }
    }

    // MARK: On a node

    private func verdict(
        on scene: TrialScene, numbers: ClosedRange<Int>
    ) async throws -> HookVerdict {
        let cluster = try await ground.cluster(number: numbers.lowerBound)
        try await scene.prepare(cluster)
        let stage = TrialStage(scene, cluster, ground)
        let job = try await stage.job(step: 2)
        let twice = try await stage.again(step: 3)
        let stale = try await stage.stale(step: 1)
        try await cluster.end()

        let second = try await ground.cluster(number: numbers.upperBound)
        try await scene.prepare(second)
        let deadline = try await TrialStage(scene, second, ground).deadline(step: 2)
        try await second.end()
        return HookVerdict(
            hook: scene.name, job: job, twice: twice, stale: stale, deadline: deadline)
    }

    // MARK: On the scheduler

    private func verdictOfTheScheduler(
        _ hook: HookName, number: Int
    ) async throws -> HookVerdict {
        let cluster = try await ground.cluster(number: number)
        let facts =
            hook == .failoverValidationCommand
            ? [
                "TOOLKIT_VISIBLE_NODES": "2", "TOOLKIT_SHARED_UPSTREAM_NODES": "1",
                "TOOLKIT_TOTAL_NODES": "3",
            ]
            : [
                "TOOLKIT_EVENT": "open", "TOOLKIT_SUCCESS": "1", "TOOLKIT_TIMESTAMP": "1700000000",
                "TOOLKIT_DETAILS": "a trial of this command",
            ]
        let hooks = cluster.hooks(sharedHooks: ground.sharedHooks)
        let call = HookCall(
            hook, on: cluster.a, term: 1, step: 1, primary: cluster.a, timeline: 1,
            reason: "a trial", extra: facts)
        let job = HookVerdict.Check(await hooks.run(call))
        let twice = HookVerdict.Check(await hooks.run(call))
        try await cluster.end()
        let here = HookVerdict.Check.notTried("it runs on the scheduler")
        return HookVerdict(hook: hook.rawValue, job: job, twice: twice, stale: here, deadline: here)
    }
}

extension TrialCluster {
    func hooks(sharedHooks: String) -> HookRunner {
        let runner = runner
        return HookRunner(
            settings: settings, sharedHooks: sharedHooks, runner: { _ in runner }, local: runner)
    }
}

extension HookVerdict.Check {
    /// Passed, if it was done.
    init(_ outcome: HookOutcome) {
        self = if case .done = outcome { .passed } else { .failed(outcome.sentence) }
    }
}

extension HookOutcome {
    /// How it ended, for people.
    var sentence: String {
        switch self {
        case .done: "it ended with 0"
        case .tryAgain(let output): "it is not ready (75)\(Self.end(of: output))"
        case .stale: "it was refused as stale (76)"
        case .failed(let status, let output): "it ended with \(status)\(Self.end(of: output))"
        case .unknown(let after, let output): "it was ended after \(after)\(Self.end(of: output))"
        case .notStarted(let error): error.description
        case .skipped: "no command is configured"
        }
    }

    private static func end(of output: String) -> String {
        let text = output.trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "" : ": " + text
    }
}
