public import ClusterFile
public import FailoverCore
import Foundation
import Glibc
public import Store

/// Asks a running scheduler over its Unix socket.
public struct SchedulerClient: Sendable {
    public let path: String

    public init(path: String) { self.path = path }

    public init(_ settings: ClusterSettings) { self.init(path: SchedulerPaths(settings).socket) }

    public func state() async throws(SchedulerError) -> ClusterView {
        guard case .view(let view) = try await ask(.state) else { throw notUnderstood }
        return view
    }

    /// The newest events, oldest of them first.
    public func events(limit: Int) async throws(SchedulerError) -> [EventRecord] {
        guard case .events(let events) = try await ask(.events(limit: limit)) else {
            throw notUnderstood
        }
        return events
    }

    /// The cluster now, then again whenever something has changed. Throws `SchedulerError` when
    /// the scheduler goes away.
    public func watch() -> AsyncThrowingStream<SchedulerUpdate, any Error> {
        stream(.watch) { reply in
            if case .update(let update) = reply { (update, false) } else { nil }
        }
    }

    /// Gives an order and follows it to its end. `.bootstrap` is none for a running scheduler.
    public func order(
        _ command: OperatorCommand, isDryRun: Bool = false
    ) -> AsyncThrowingStream<OrderProgress, any Error> {
        guard let request = ControlRequest.Kind(command, isDryRun: isDryRun) else {
            let error = SchedulerError(
                .notUnderstood, "cannot bootstrap", because: "the cluster has a scheduler already",
                next: "look at `toolkit state`")
            return AsyncThrowingStream { $0.finish(throwing: error) }
        }
        return stream(request) { reply in
            guard case .progress(let progress) = reply else { return nil }
            switch progress {
            case .refused, .finished: return (progress, true)
            case .planned: return (progress, isDryRun)
            case .event: return (progress, false)
            }
        }
    }

    private func ask(_ request: ControlRequest.Kind) async throws(SchedulerError) -> ControlReply {
        let socket = try connect()
        return try await reply(to: request, socket)
    }

    private func reply(
        to request: ControlRequest.Kind?, _ socket: LineSocket
    ) async throws(SchedulerError) -> ControlReply {
        let reply: ControlReply?
        do {
            if let request { try await socket.send(ControlRequest(request)) }
            let line = try await socket.line()
            reply = try line.map {
                try JSONDecoder().decode(ControlReply.self, from: Data($0))
            }
        } catch {
            throw notUnderstood
        }
        guard let reply else {
            throw SchedulerError(
                .unreachable, "the scheduler has hung up", because: "it stopped or was ended",
                next: "start it again with `toolkit run`; it goes on where it was")
        }
        if case .failed(let because, let next) = reply {
            throw SchedulerError(
                .notUnderstood, "the scheduler can't answer", because: because, next: next)
        }
        return reply
    }

    /// `read` gives what a reply means, and whether it is the last one; nil: none of it.
    private func stream<T: Sendable>(
        _ request: ControlRequest.Kind,
        _ read: @escaping @Sendable (ControlReply) -> (T, isLast: Bool)?
    ) -> AsyncThrowingStream<T, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    let socket = try connect()
                    var question: ControlRequest.Kind? = request
                    while true {
                        let reply = try await reply(to: question, socket)
                        question = nil
                        guard let (value, isLast) = read(reply) else { throw notUnderstood }
                        continuation.yield(value)
                        if isLast { break }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private var notUnderstood: SchedulerError {
        SchedulerError(
            .notUnderstood, "the scheduler's answer is not understood",
            because: "it runs another release, or broke off",
            next: "use the toolkit release that the scheduler runs")
    }

    private func connect() throws(SchedulerError) -> LineSocket {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let status = withSocketAddress(path) { Glibc.connect(descriptor, $0, $1) }
        guard status == 0 else {
            let reason = status == nil ? "the path is too long" : String(cString: strerror(errno))
            close(descriptor)
            throw SchedulerError(
                .unreachable, "no scheduler answers on \(path)",
                because: "the system says: \(reason)", next: "start one with `toolkit run`")
        }
        return LineSocket(descriptor)
    }
}
