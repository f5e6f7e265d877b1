import CLibPQ
import Glibc
import Reactor

extension Connection {
    /// Suspends until the server ends or breaks the connection, and returns why; with the server's
    /// last words when it had any. Returns nil when the connection is closed here, and when the
    /// calling task is cancelled.
    ///
    /// Queries run as ever meanwhile: the watch on the descriptor steps back for each of them.
    public func untilClosed() async -> PostgresError? {
        while let session, !Task.isCancelled {
            let token = poller.makeToken()
            let watches = !isBusy && watch == nil
            if watches { watch = token } else { parked.insert(token) }
            var failed: PostgresError?
            do {
                _ = try await poller.wait(
                    fd: watches ? PQsocket(session) : -1, for: watches ? .read : [], token: token)
            } catch IOError.system(let call, let number) {
                failed = failure(
                    .closed, Connection.watching, "\(call): \(String(cString: strerror(number)))")
            } catch {
                // Cancelled: the loop's condition sees it.
            }
            poller.retire(token)
            parked.remove(token)
            // A query that began meanwhile has taken the watch, and reads whatever has arrived.
            if watch == token {
                watch = nil
                if let failed { drop(because: failed) } else { absorb() }
                wakeParked()
            }
        }
        return Task.isCancelled ? nil : ending
    }

    private static let watching = "the connection ended"

    /// Reads what the server sent unasked, and drops the connection when it has ended.
    private func absorb() {
        guard let session else { return }
        let isAlive = PQconsumeInput(session) == 1
        // Parses what was read: the server's last words go to the notice receiver.
        _ = PQisBusy(session)
        forgetNotifications()
        guard !isAlive || PQstatus(session) == CONNECTION_BAD else { return }
        if let report = lastWords.report {
            drop(
                because: failure(
                    report.code, Connection.watching, report.message, sqlState: report.sqlState))
        } else {
            drop(
                because: failure(
                    .closed, Connection.watching, String(cString: PQerrorMessage(session))))
        }
    }

    /// Ends the wait that watches the descriptor, so that another may begin.
    func releaseWatch() {
        guard let token = watch else { return }
        watch = nil
        poller.wake(token)
    }

    /// Lets those that wait for the connection to be idle or closed look again.
    func wakeParked() {
        let tokens = parked
        parked = []
        for token in tokens { poller.wake(token) }
    }
}
