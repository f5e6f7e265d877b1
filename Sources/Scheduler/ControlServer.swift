import FailoverCore
import Foundation
import Glibc
import Logging
import Reactor
import Store

/// Answers clients on the scheduler's Unix socket. What a slow or broken client does reaches
/// nobody else.
final class ControlServer: Sendable {
    private let path: String
    private let listener: Int32
    private let scheduler: Scheduler
    private let store: any ClusterStore

    /// A socket that is there already is left from a process that is gone: whoever gets here holds
    /// the store's lock.
    init(path: String, scheduler: Scheduler, store: any ClusterStore) throws(SchedulerError) {
        self.path = path
        self.scheduler = scheduler
        self.store = store
        let subject = "cannot listen on \(path)"
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        unlink(path)
        let mask = umask(0o177)
        let bound = withSocketAddress(path) { bind(listener, $0, $1) }
        umask(mask)
        guard let bound else {
            close(listener)
            throw SchedulerError(
                .socket, subject, because: "the path is longer than 107 bytes",
                next: "choose a shorter scheduler.directory")
        }
        guard bound == 0, listen(listener, 64) == 0 else {
            let reason = String(cString: strerror(errno))
            close(listener)
            throw SchedulerError(
                .socket, subject, because: "the system says: \(reason)",
                next: "make the directory writable for the scheduler's user")
        }
        setNonBlocking(listener)
    }

    deinit {
        close(listener)
        unlink(path)
    }

    /// Serves until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let descriptor = accept(listener, nil, nil)
                if descriptor >= 0 {
                    let socket = LineSocket(descriptor)
                    group.addTask { await self.serve(socket) }
                    continue
                }
                guard errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR else {
                    // Out of descriptors: those that are served will give theirs back.
                    try? await Task.sleep(for: .milliseconds(100))
                    continue
                }
                _ = try? await Poller.shared.wait(fd: listener, for: .read)
            }
        }
    }

    private func serve(_ socket: LineSocket) async {
        do {
            while let line = try await socket.line() {
                let request = try? JSONDecoder().decode(ControlRequest.self, from: Data(line))
                guard let request, request.version == ControlRequest.currentVersion else {
                    try await socket.send(
                        ControlReply.failed(
                            because: "the scheduler does not understand the request",
                            next: "use the toolkit release that the scheduler runs"))
                    return
                }
                try await answer(request.request, socket)
            }
        } catch {
            // The client is gone, or the scheduler stops: nobody is left to be told.
        }
    }

    private func answer(_ request: ControlRequest.Kind, _ socket: LineSocket) async throws {
        switch request {
        case .state: try await socket.send(ControlReply.view(await scheduler.view))
        case .events(let limit):
            do {
                try await socket.send(ControlReply.events(try await store.newestEvents(limit)))
            } catch let error as StoreError {
                try await socket.send(
                    ControlReply.failed(because: error.because, next: error.next))
            }
        case .watch:
            for await update in await scheduler.updates() {
                try await socket.send(ControlReply.update(update))
            }
        case .switchover, .rejoin, .failover, .failoverWithLoss, .maintenance, .endMaintenance,
            .pause, .resume:
            guard let (command, isDryRun) = request.order else { return }
            for await progress in scheduler.order(command, isDryRun: isDryRun) {
                try await socket.send(ControlReply.progress(progress))
            }
        }
    }
}
