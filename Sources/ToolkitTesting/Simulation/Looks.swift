import FailoverCore

/// What a probe and a look from outside see of a node.
extension Simulation {
    func observation(_ index: Int) -> NodeObservation {
        let node = nodes[index]
        return NodeObservation(
            systemIdentifier: "42", isInRecovery: node.isInRecovery,
            timeline: node.branch.history.timeline, history: node.branch.history,
            position: LSN(UInt64(node.isInRecovery ? node.replayed : node.flushed)),
            received: node.isInRecovery && node.isReceivedKnown
                ? LSN(UInt64(node.received)) : nil,
            // Now and then it is seen while it streams the older timeline to its end (F35).
            receiver: node.receiver.map {
                .init(
                    status: $0.isWaiting && now &* 2_654_435_761 >> 16 & 3 != 0
                        ? "waiting" : "streaming",
                    messageAgeMs: (now - $0.heardAt) / 1_000)
            },
            senders: node.senders.map { sender in
                .init(
                    applicationName: nameText(sender.name), state: "streaming",
                    flush: sender.flush.map { LSN(UInt64($0)) },
                    replyTime: sender.replies > 0 ? String(sender.replies) : nil)
            },
            slots: node.slots.map {
                .init(
                    name: ids[$0.node].slot, isActive: $0.sender != nil,
                    walStatus: $0.isLost ? "lost" : "reserved")
            },
            standbyNames: node.conf.names.text, isReadOnly: node.conf.isReadOnly,
            attachedAs: node.conf.upstream.map { nameText($0.name) }, stamp: node.conf.stamp,
            isReplayPaused: node.isPaused, postmasterStart: String(node.postmaster))
    }

    func nameText(_ number: Int) -> String {
        guard number >= 0 else { return "toolkit_locked" }
        return ApplicationName.letters[number / 100_000] + "_" + String(number % 100_000)
    }

    func inspection(_ index: Int) -> NodeInspection {
        let node = nodes[index]
        guard node.hasData else {
            return NodeInspection(
                bootID: String(node.boot), stamp: node.stamp,
                isPostmasterRunning: false, dataDirectory: .missing, marker: node.marker)
        }
        return NodeInspection(
            bootID: String(node.boot), stamp: node.stamp,
            isPostmasterRunning: node.hasPostmaster,
            hasOrphans: !node.hasPostmaster && now < node.orphansUntil,
            dataDirectory: .present, marker: node.marker, systemIdentifier: "42",
            controlState: node.controlState, checkpoint: LSN(UInt64(node.controlCheckpoint)),
            minRecoveryEnd: node.hasStandbySignal ? LSN(UInt64(node.replayed)) : nil,
            timeline: node.branch.history.timeline, history: node.branch.history,
            hasStandbySignal: node.hasStandbySignal, canRewind: node.canRewind)
    }

    /// Whether a new session could be had, as seen from a place.
    enum Reach {
        case answers
        case refuses(Unreachable)
        case silent
    }

    func reach(_ index: Int, from place: Int) -> Reach {
        guard nodes[index].isUp, !nodes[index].isStopped,
            network.isOpenBothWays(.sql, place, index)
        else { return .silent }
        switch nodes[index].server {
        case .running: return .answers
        case .stopped: return .refuses(.refused)
        case .starting: return .refuses(.startingUp)
        case .crashRecovery: return .refuses(.inRecoveryMode)
        case .shuttingDown: return .refuses(.shuttingDown)
        }
    }
}
