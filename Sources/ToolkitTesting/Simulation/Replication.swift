import FailoverCore

/// Streaming: the walsenders of a node, the receiver of a standby, and what travels between them.
extension Simulation {
    // MARK: - Connecting

    func reconnect(_ index: Int, after microseconds: Int64) {
        nodes[index].connectToken += 1
        put(.connect(node: index, token: nodes[index].connectToken), after: microseconds)
    }

    private var retryInterval: Int64 { policy.timers.walRetrieveRetryInterval * 1_000 }

    func connect(_ index: Int, _ token: Int) {
        guard nodes[index].connectToken == token, nodes[index].server == .running,
            nodes[index].isInRecovery, nodes[index].receiver == nil,
            !nodes[index].isReplayBlocked
        else { return }
        guard let upstream = nodes[index].startupUpstream else {
            guard plan.mutant == .sealLeavesArchive else { return }
            followArchive(index)
            return reconnect(index, after: retryInterval)
        }
        // The receiver before it ends only when what it wrote is flushed (F16).
        guard !nodes[index].isDiskFull, !nodes[index].isHung, mayConnect(index, to: upstream),
            canFollow(index, upstream.node) || isPastFork(index, of: upstream.node)
        else { return reconnect(index, after: retryInterval) }
        nodes[index].flushed = max(nodes[index].flushed, nodes[index].log.end)
        replay(index)
        attach(index, to: upstream)
    }

    private func mayConnect(_ index: Int, to upstream: Upstream) -> Bool {
        let source = upstream.node
        guard source != index, network.isOpenBothWays(.replication, index, source),
            nodes[source].answers
        else { return false }
        // A slot is used by one walsender at a time.
        guard upstream.hasSlot else { return true }
        guard let slot = nodes[source].slots.first(where: { $0.node == index }), !slot.isLost,
            slot.sender == nil
        else {
            noticeHalfOpen(source, of: index)
            return false
        }
        return true
    }

    /// A new connection attempt of the same standby tells the kernel nothing about the old one: it
    /// ends by the next message or by its timeout.
    private func noticeHalfOpen(_ source: Int, of standby: Int) {
        for sender in nodes[source].senders where sender.standby == standby && sender.isHalfOpen {
            put(.resend(node: source, sender: sender.id), after: 1_000)
        }
    }

    /// PostgreSQL compares the numbers of timelines and the texts of histories, nothing else.
    private func canFollow(_ index: Int, _ source: Int) -> Bool {
        let own = nodes[index].branch.history
        let theirs = nodes[source].branch.history
        let end = nodes[index].log.end
        if own.timeline == theirs.timeline {
            // The request is for the start of the segment.
            let start = end / WriteAheadLog.segment * WriteAheadLog.segment
            return start <= nodes[source].flushed
        }
        guard let departure = theirs.end(of: own.timeline) else { return false }
        return UInt64(end) <= departure.position
    }

    /// It streams the older timeline to its end again and again: the connection stays.
    private func isPastFork(_ index: Int, of source: Int) -> Bool {
        let own = nodes[index].branch.history
        let departure = nodes[source].branch.history.end(of: own.timeline)
        return departure.map { UInt64(nodes[index].log.end) > $0.position } ?? false
    }

    private func attach(_ index: Int, to upstream: Upstream) {
        let source = upstream.node
        let isWaiting = !canFollow(index, source)
        nextConnection += 1
        nextSender += 1
        if !isWaiting { goOver(index, to: source) }
        let start = nodes[index].log.end
        let names = nodes[source].conf.names
        nodes[source].senders.append(
            WalSender(
                id: nextSender, standby: index, name: upstream.name, names: names,
                counts: names.voters.contains(upstream.name), sent: isWaiting ? .max : start,
                heardAt: now))
        for slot in nodes[source].slots.indices
        where upstream.hasSlot && nodes[source].slots[slot].node == index {
            nodes[source].slots[slot].sender = nextSender
        }
        nodes[index].receiver = WalReceiver(
            connection: nextConnection, upstream: upstream, sender: nextSender, heardAt: now,
            floor: start, isWaiting: isWaiting)
        nodes[index].received = max(nodes[index].received, start)
        trace.add(
            .connected, at: now, node: index, source, start,
            "\(isWaiting ? "is past the fork of" : "streams from") \(ids[source]) at "
                + "\(nodes[index].branch.timeline):\(start)")
        sendReply(index)
        put(.receiverTimer(node: index, connection: nextConnection), after: timerPace)
        put(.senderTimer(node: source, sender: nextSender), after: 1_000_000)
        kick(source, nextSender)
    }

    /// To a newer timeline of the source: its history is taken, what was before is its own (F20).
    private func goOver(_ index: Int, to source: Int) {
        nodes[index].highestTimeline = max(
            nodes[index].highestTimeline, nodes[source].branch.timeline)
        guard nodes[source].branch.timeline != nodes[index].branch.timeline else { return }
        let own = nodes[index].branch.makers
        nodes[index].branch = nodes[source].branch
        for at in own.indices where at < nodes[index].branch.makers.count {
            nodes[index].branch.makers[at] = own[at]
        }
    }

    private var timerPace: Int64 { min(500, policy.timers.walReceiverTimeout / 4) * 1_000 }

    // MARK: - Sending

    func kickSenders(_ index: Int) {
        for sender in nodes[index].senders { kick(index, sender.id) }
    }

    private func kick(_ index: Int, _ id: Int) {
        guard nodes[index].server == .running || nodes[index].server == .shuttingDown,
            let at = nodes[index].senders.firstIndex(where: { $0.id == id })
        else { return }
        let sender = nodes[index].senders[at]
        let end = nodes[index].flushed
        guard !sender.isSending, sender.sent < end else { return }
        if sender.isTool {
            nodes[index].senders[at].sent = end
            return put(.reply(node: index, sender: id, flush: end), after: 1_500)
        }
        nodes[index].senders[at].isSending = true
        let standby = sender.standby
        guard network.isOpen(.replication, index, standby) else {
            return put(.resend(node: index, sender: id), after: 250_000)
        }
        guard !sender.isHalfOpen else {
            return put(.resend(node: index, sender: id), after: 1_000)
        }
        // A message is at most so long: it may end inside a record.
        let upTo = min(end, sender.sent + 2_000 + networkRandom.below(6_000))
        put(
            .walMessage(
                node: standby, connection: nodes[standby].receiver?.connection ?? -1,
                upTo: upTo),
            after: network.latency(index, standby, &networkRandom))
    }

    /// A message could not be delivered, or nobody listens at the other end any more.
    func resend(_ index: Int, _ id: Int) {
        guard let at = nodes[index].senders.firstIndex(where: { $0.id == id }) else { return }
        let sender = nodes[index].senders[at]
        nodes[index].senders[at].isSending = false
        if sender.isHalfOpen, network.isOpenBothWays(.replication, index, sender.standby),
            nodes[sender.standby].isUp
        {
            return removeSender(index, id)
        }
        kick(index, id)
    }

    func receive(_ index: Int, _ connection: Int, _ upTo: Int) {
        guard let receiver = nodes[index].receiver, receiver.connection == connection,
            nodes[index].server == .running || nodes[index].server == .shuttingDown
        else { return }
        let source = receiver.upstream.node
        nodes[index].receiver?.heardAt = now
        nodes[index].receiver?.hasAsked = false
        if nodes[index].isDiskFull {
            return endReceiver(index, receiver, isOrderly: true)
        }
        if nodes[source].branch.timeline != nodes[index].branch.timeline {
            guard canFollow(index, source) else {
                return endReceiver(index, receiver, isOrderly: true)
            }
            goOver(index, to: source)
        }
        copyRecords(from: source, to: index, upTo: upTo)
        put(
            .standbyFlush(node: index, connection: connection, upTo: upTo),
            after: 100 + Int64(diskRandom.below(500)) * Int64(nodes[index].slowness))
        if let at = nodes[source].senders.firstIndex(where: { $0.id == receiver.sender }) {
            nodes[source].senders[at].isSending = false
            nodes[source].senders[at].sent = max(nodes[source].senders[at].sent, upTo)
            kick(source, receiver.sender)
        }
    }

    private func copyRecords(from source: Int, to index: Int, upTo: Int) {
        let end = nodes[index].log.end
        nodes[index].received = max(nodes[index].received, upTo)
        nodes[index].isReceivedKnown = true
        var next = nodes[source].log.index(from: end)
        let count = nodes[source].log.records.count
        guard next < count, upTo > end else { return }
        // Other bytes than its own stand before: the log is spoilt (F20).
        if nodes[source].log.records[next].start != end { nodes[index].isCorrupt = true }
        while next < count, nodes[source].log.records[next].end <= upTo {
            let record = nodes[source].log.records[next]
            if record.start >= nodes[index].log.end { nodes[index].log.records.append(record) }
            next += 1
        }
    }

    // MARK: - Flushing and answering

    func standbyFlush(_ index: Int, _ connection: Int, _ upTo: Int) {
        guard nodes[index].server == .running || nodes[index].server == .shuttingDown,
            nodes[index].receiver?.connection == connection
        else { return }
        if nodes[index].isHung {
            return put(
                .standbyFlush(node: index, connection: connection, upTo: upTo), after: 100_000)
        }
        nodes[index].flushed = max(nodes[index].flushed, min(upTo, nodes[index].received))
        replay(index)
        sendReply(index)
        if !nodes[index].senders.isEmpty { kickSenders(index) }
    }

    func replay(_ index: Int) {
        guard !nodes[index].isReplayBlocked else { return }
        let log = nodes[index].log
        guard let last = log.records.last else { return }
        if last.end <= nodes[index].flushed {
            nodes[index].replayed = max(nodes[index].replayed, last.end)
            return
        }
        let next = log.index(from: nodes[index].flushed)
        if next > 0 {
            let before = log.records[next - 1]
            let end = before.end <= nodes[index].flushed ? before.end : before.start
            nodes[index].replayed = max(nodes[index].replayed, end)
        }
    }

    private func sendReply(_ index: Int) {
        guard let receiver = nodes[index].receiver else { return }
        let source = receiver.upstream.node
        guard network.isOpen(.replication, index, source) else { return }
        put(
            .reply(
                node: source, sender: receiver.sender,
                flush: max(receiver.floor, nodes[index].flushed)),
            after: network.latency(index, source, &networkRandom))
    }

    func reply(_ index: Int, _ id: Int, _ flush: Int) {
        guard let at = nodes[index].senders.firstIndex(where: { $0.id == id }) else { return }
        nodes[index].senders[at].flush = max(nodes[index].senders[at].flush ?? 0, flush)
        nodes[index].senders[at].heardAt = now
        nodes[index].senders[at].replies += 1
        if nodes[index].senders[at].hasPendingConfig, !nodes[index].senders[at].isInTurn {
            senderConfig(index, id)
        }
        nodes[index].senders[at].isInTurn = false
        if !nodes[index].waiters.isEmpty { release(index, by: at) }
    }

    /// The receiver's status, its request for an answer, and its timeout.
    func receiverTimer(_ index: Int, _ connection: Int) {
        guard let receiver = nodes[index].receiver, receiver.connection == connection else {
            return
        }
        let silence = now - receiver.heardAt
        let timeout = policy.timers.walReceiverTimeout * 1_000
        if silence >= timeout {
            return endReceiver(index, receiver, isOrderly: true)
        }
        put(.receiverTimer(node: index, connection: connection), after: timerPace)
        sendReply(index)
        guard silence >= timeout / 2 else { return }
        let source = receiver.upstream.node
        if network.isOpenBothWays(.replication, index, source), nodes[source].answers,
            nodes[source].senders.contains(where: { $0.id == receiver.sender })
        {
            nodes[index].receiver?.heardAt = now
        }
    }

    func senderTimer(_ index: Int, _ id: Int) {
        guard let at = nodes[index].senders.firstIndex(where: { $0.id == id }) else { return }
        let timeout = policy.timers.walSenderTimeout * 1_000
        if nodes[index].senders[at].isTool { nodes[index].senders[at].heardAt = now }
        if now - nodes[index].senders[at].heardAt >= timeout {
            return removeSender(index, id)
        }
        put(.senderTimer(node: index, sender: id), after: 1_000_000)
    }

    // MARK: - The end of a connection

    private func removeSender(_ index: Int, _ id: Int) {
        guard let at = nodes[index].senders.firstIndex(where: { $0.id == id }) else { return }
        let standby = nodes[index].senders[at].standby
        nodes[index].senders.remove(at: at)
        freeSlots(index, id)
        guard let receiver = nodes[standby].receiver, receiver.sender == id else { return }
        if network.isOpen(.replication, index, standby) {
            put(
                .receiverGone(node: standby, connection: receiver.connection),
                after: network.latency(index, standby, &networkRandom))
        }
    }

    private func freeSlots(_ index: Int, _ id: Int) {
        for slot in nodes[index].slots.indices where nodes[index].slots[slot].sender == id {
            nodes[index].slots[slot].sender = nil
        }
    }

    /// The other end closed the stream.
    func receiverGone(_ index: Int, _ connection: Int) {
        guard let receiver = nodes[index].receiver, receiver.connection == connection else {
            return
        }
        endReceiver(index, receiver, isOrderly: true)
    }

    /// The receiver ends; what it has written is flushed on the way out (F16). The startup process
    /// starts another one if it may.
    func endReceiver(_ index: Int, _ receiver: WalReceiver, isOrderly: Bool) {
        nodes[index].receiver = nil
        nodes[index].streamEndedAt = now
        if isOrderly, !nodes[index].isHung {
            nodes[index].flushed = max(nodes[index].flushed, nodes[index].received)
            replay(index)
            // What is left of an incomplete record is fetched anew.
            if !nodes[index].isReplayBlocked { nodes[index].received = nodes[index].log.end }
        }
        trace.add(.disconnected, at: now, node: index, receiver.upstream.node, "streams no more")
        leave(index, receiver)
        if nodes[index].server == .running, nodes[index].startupUpstream != nil {
            reconnect(index, after: retryInterval)
        }
    }

    /// The sender learns of it at once, or by its timeout when the network does not tell.
    private func leave(_ index: Int, _ receiver: WalReceiver) {
        let source = receiver.upstream.node
        guard let at = nodes[source].senders.firstIndex(where: { $0.id == receiver.sender })
        else { return }
        if network.isOpen(.replication, index, source), !nodes[source].isStopped {
            nodes[source].senders.remove(at: at)
            freeSlots(source, receiver.sender)
        } else {
            nodes[source].senders[at].isHalfOpen = true
        }
    }

    /// All connections of a server end with it. A machine that is gone tells nobody.
    func dropConnections(_ index: Int, isSilent: Bool) {
        for sender in nodes[index].senders {
            guard let receiver = nodes[sender.standby].receiver, receiver.sender == sender.id,
                !isSilent, network.isOpen(.replication, index, sender.standby)
            else { continue }
            put(
                .receiverGone(node: sender.standby, connection: receiver.connection),
                after: network.latency(index, sender.standby, &networkRandom))
        }
        nodes[index].senders = []
        for slot in nodes[index].slots.indices { nodes[index].slots[slot].sender = nil }
        if let receiver = nodes[index].receiver {
            nodes[index].receiver = nil
            nodes[index].streamEndedAt = now
            if isSilent {
                let source = receiver.upstream.node
                for at in nodes[source].senders.indices
                where nodes[source].senders[at].id == receiver.sender {
                    nodes[source].senders[at].isHalfOpen = true
                }
            } else {
                leave(index, receiver)
            }
        }
        endSessions(index)
        if !isSilent { tellObservers(index) }
    }
}
