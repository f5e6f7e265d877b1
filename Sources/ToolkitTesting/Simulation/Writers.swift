import FailoverCore

/// A client that writes rows with unique ids, at one level of synchronous_commit.
struct Writer {
    enum Level: UInt8 {
        case on
        case remoteApply
        case local
    }

    let place: Int
    let level: Level
    var token = 0
    var isWaiting = false
    /// The node of its session, and the run of that server.
    var session: (node: Int, run: Int)?
    var candidate = 0

    init(place: Int, level: Level) {
        self.place = place
        self.level = level
    }
}

extension Simulation {
    /// Its pause is over, its timeout has come, or its session has ended.
    func act(_ index: Int, _ token: Int) {
        guard clients[index].token == token else { return }
        clients[index].token += 1
        if clients[index].isWaiting {
            // Given up: the backend goes on waiting (F31).
            clients[index].isWaiting = false
            clients[index].session = nil
        }
        if let (node, run) = clients[index].session, nodes[node].run == run {
            return send(index, to: node)
        }
        clients[index].session = nil
        look(index)
    }

    private func again(_ index: Int, after microseconds: Int64) {
        put(.client(index, token: clients[index].token), after: microseconds)
    }

    /// As libpq does with target_session_attrs=read-write: one host after the other.
    private func look(_ index: Int) {
        let node = clients[index].candidate
        clients[index].candidate = (node + 1) % nodes.count
        let isRound = clients[index].candidate == 0
        let place = clients[index].place
        guard nodes[node].isUp, !nodes[node].isStopped,
            network.isOpenBothWays(.sql, place, node)
        else { return again(index, after: 2_000_000) }
        guard nodes[node].isWritable else {
            return again(index, after: isRound ? 150_000 : 4_000)
        }
        clients[index].candidate = node
        clients[index].session = (node, nodes[node].run)
        again(index, after: 3_000)
    }

    private func send(_ index: Int, to node: Int) {
        clients[index].isWaiting = true
        let place = clients[index].place
        if network.isOpen(.sql, place, node) {
            put(
                .insert(node: node, client: index, token: clients[index].token),
                after: network.latency(place, node, &clientRandom))
        }
        again(index, after: 5_000_000)
    }

    func insert(_ index: Int, _ client: Int, _ token: Int) {
        guard clients[client].token == token, let session = clients[client].session,
            session.node == index, session.run == nodes[index].run
        else { return }
        guard nodes[index].isWritable, !nodes[index].isDiskFull else {
            return dismiss(client, token, after: 50_000)
        }
        let id = writeRecord(index, .commit)
        guard let record = nodes[index].log.records.last else { return }
        nodes[index].waiters.append(
            Waiter(
                id: id, start: record.start, end: record.end, client: client, token: token,
                isSynchronous: clients[client].level != .local))
        flushLocally(index)
    }

    /// An error or an end of the session: it looks for a primary again.
    private func dismiss(_ client: Int, _ token: Int, after microseconds: Int64) {
        guard clients[client].token == token else { return }
        clients[client].token += 1
        clients[client].isWaiting = false
        clients[client].session = nil
        again(client, after: microseconds)
    }

    func flushLocally(_ index: Int) {
        guard !nodes[index].isFlushing else { return }
        nodes[index].isFlushing = true
        put(
            .localFlush(
                node: index, run: nodes[index].run, upTo: nodes[index].log.end),
            after: 200 + Int64(diskRandom.below(800)) * Int64(nodes[index].slowness))
    }

    func localFlush(_ index: Int, _ run: Int, _ upTo: Int) {
        guard nodes[index].run == run else { return }
        if nodes[index].isHung {
            return put(.localFlush(node: index, run: run, upTo: upTo), after: 100_000)
        }
        nodes[index].isFlushing = false
        nodes[index].flushed = max(nodes[index].flushed, min(upTo, nodes[index].log.end))
        let flushed = nodes[index].flushed
        let waitsForNobody = !nodes[index].isSyncDefined
        let released = nodes[index].syncReleased
        var isDone = false
        for at in nodes[index].waiters.indices
        where !nodes[index].waiters[at].isFlushed && nodes[index].waiters[at].end <= flushed {
            nodes[index].waiters[at].isFlushed = true
            let waiter = nodes[index].waiters[at]
            if !waiter.isSynchronous || waitsForNobody || waiter.end <= released { isDone = true }
        }
        if isDone {
            finish(index) {
                $0.isFlushed
                    && (!$0.isSynchronous || waitsForNobody || $0.end <= released)
            }
        }
        if nodes[index].log.end > flushed { flushLocally(index) }
        kickSenders(index)
    }

    /// A walsender has heard a reply: it counts, by its own copy of the names, and lets go (F5).
    func release(_ index: Int, by at: Int) {
        let sender = nodes[index].senders[at]
        guard sender.counts, sender.names.required > 0 else { return }
        var flushes: [Int] = []
        for other in nodes[index].senders where other.counts {
            if let flush = other.flush { flushes.append(flush) }
        }
        guard flushes.count >= sender.names.required else { return }
        flushes.sort(by: >)
        let covered = flushes[sender.names.required - 1]
        guard covered > nodes[index].syncReleased else { return }
        nodes[index].syncReleased = covered
        releaseWaiters(index, upTo: covered)
    }

    func releaseWaiters(_ index: Int, upTo covered: Int) {
        finish(index) { $0.isFlushed && $0.isSynchronous && $0.end <= covered }
    }

    private func finish(_ index: Int, where isDone: (Waiter) -> Bool) {
        var done: [Waiter] = []
        var rest: [Waiter] = []
        for waiter in nodes[index].waiters {
            if isDone(waiter) { done.append(waiter) } else { rest.append(waiter) }
        }
        guard !done.isEmpty else { return }
        nodes[index].waiters = rest
        for waiter in done {
            if waiter.isSynchronous { acknowledged(index, waiter) }
            tell(waiter, from: index)
        }
    }

    private func tell(_ waiter: Waiter, from index: Int) {
        let client = waiter.client
        guard clients[client].token == waiter.token,
            network.isOpen(.sql, index, clients[client].place)
        else { return }
        clients[client].token += 1
        clients[client].isWaiting = false
        let way = network.latency(index, clients[client].place, &clientRandom)
        again(client, after: way + plan.think + Int64(clientRandom.below(Int(plan.think))))
    }

    /// `pg_cancel_backend`: the client hears of success with a warning, which counts for nothing.
    func cancelWaits(_ index: Int) {
        let waiting = nodes[index].waiters
        nodes[index].waiters = waiting.filter { !$0.isFlushed }
        for waiter in waiting where waiter.isFlushed { tell(waiter, from: index) }
    }

    /// Sessions end without an answer.
    func endSessions(_ index: Int) {
        nodes[index].waiters = []
        for client in clients.indices where clients[client].session?.node == index {
            if network.isOpen(.sql, index, clients[client].place), nodes[index].isUp {
                dismiss(client, clients[client].token, after: 20_000)
            }
        }
    }
}
