import ClusterFile
import Execution
import FailoverCore
import Hooks
import PostgresClient
import Rendering

/// Carries effects out, as PROTOCOL prescribes each: node files by `node-apply`, hooks, SQL; and
/// returns what was *seen*. Everything has a deadline; nothing here decides anything.
struct Executor: Sendable {
    let settings: ClusterSettings
    let links: [NodeID: NodeLink]
    let hooks: HookRunner
    let standing: Standing
    let nodeApply = NodeApply(timeout: .seconds(5))

    init(
        settings: ClusterSettings, runners: Runners, sharedHooks: String, standing: Standing
    ) {
        self.settings = settings
        self.standing = standing
        links = Dictionary(
            uniqueKeysWithValues: settings.nodes.map {
                ($0.id, NodeLink(node: $0, in: settings, runner: runners.runner($0)))
            })
        hooks = HookRunner(
            settings: settings, sharedHooks: sharedHooks, runner: runners.runner,
            local: runners.local)
    }

    /// How an attempt ended, with the end of what was printed on the way.
    struct Report: Sendable {
        var outcome: Outcome
        var duration: Duration
        var output: String
    }

    /// `cluster` is the state that the effect belongs to: facts for hooks, nothing to decide by.
    func run(_ effect: Effect, in cluster: Cluster) async -> Report {
        let clock = ContinuousClock()
        let start = clock.now
        let work = EffectWork(effect: effect, cluster: cluster, notes: Notes())
        let outcome: Outcome
        do throws(Ended) {
            outcome = .done(try await perform(work))
        } catch {
            outcome = error.outcome
        }
        return Report(outcome: outcome, duration: clock.now - start, output: work.notes.text)
    }

    private func perform(_ work: EffectWork) async throws(Ended) -> Proof {
        switch work.effect.action {
        case .seal: try await seal(work)
        case .promote(let slots): try await promote(work, slots: slots)
        case .open(let names): try await open(work, names: names)
        case .reconfigure(let change): try await reconfigure(work, change)
        case .follow(let attachment): try await follow(work, attachment)
        case .rejoin(let method, let attachment, let switchLSN):
            try await rejoin(work, method, attachment, switchLSN: switchLSN)
        case .clone(let attachment): try await clone(work, attachment)
        case .start(let isSealed): try await start(work, isSealed: isSealed)
        case .fence: try await fence(work)
        case .stopForSwitchover: try await stopForSwitchover(work)
        case .quiesce(let target): try await quiesce(work, target: target)
        case .fastForward(let attachment, let end):
            try await fastForward(work, attachment, to: end)
        case .dropSlots(let names): try await dropSlots(names, on: link(of: work))
        case .inspect: .inspected(try await inspect(link(of: work)))
        case .validate(let visible, let total):
            try await validate(work, visible: visible, total: total)
        }
    }

    func link(of work: EffectWork) throws(Ended) -> NodeLink { try link(work.effect.node) }

    func link(_ id: NodeID) throws(Ended) -> NodeLink {
        guard let link = links[id] else { throw .failed("\(id) is no node of the cluster file") }
        return link
    }
}

/// One attempt of one effect.
struct EffectWork: Sendable {
    let effect: Effect
    let cluster: Cluster
    let notes: Notes

    var stamp: Stamp { effect.stamp }
}

/// Why an effect did not get done. Carries the outcome that the core is told.
struct Ended: Error {
    let outcome: Outcome

    static func failed(_ because: String) -> Ended { Ended(outcome: .failed(because)) }
    static func tryAgain(_ because: String) -> Ended { Ended(outcome: .tryAgain(because)) }
    static func unknown(_ because: String) -> Ended { Ended(outcome: .unknown(because)) }
    static let stale = Ended(outcome: .stale)

    /// A statement that changes nothing, or does its work again without harm, is tried again.
    static func sql(_ error: PostgresError) -> Ended {
        switch error.code {
        case .refused, .unreachable, .startingUp, .inRecoveryMode, .shuttingDown,
            .tooManyConnections, .closed, .adminShutdown:
            .tryAgain(oneLine(error))
        case .timedOut, .cancelled: .unknown(oneLine(error))
        default: .failed(oneLine(error))
        }
    }

    static func oneLine(_ error: PostgresError) -> String {
        "\(error.what) (\(error.subject)): \(error.because)"
    }
}

extension Executor {
    /// Work that another part of the effect need not wait for.
    func beside<T: Sendable>(
        _ body: @escaping @Sendable () async throws(Ended) -> T
    ) -> Task<Result<T, Ended>, Never> {
        Task {
            do throws(Ended) { return .success(try await body()) } catch { return .failure(error) }
        }
    }

    /// `body` with its errors told as outcomes.
    func sql<T: Sendable>(
        _ body: () async throws(PostgresError) -> T
    ) async throws(Ended) -> T {
        do throws(PostgresError) { return try await body() } catch { throw .sql(error) }
    }
}
