public import FailoverCore
import Logging
import Store

extension Scheduler {
    /// The cluster as it is decided and as it was last seen.
    public var view: ClusterView { machine.view(at: clock.now) }

    /// The view now, then again whenever something has changed. Ends with the scheduler.
    public func updates() -> AsyncStream<SchedulerUpdate> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: SchedulerUpdate.self, bufferingPolicy: .bufferingNewest(256))
        nextSubscriber += 1
        let id = nextSubscriber
        subscribers[id] = continuation
        continuation.onTermination = { _ in Task { await self.unsubscribe(id) } }
        continuation.yield(SchedulerUpdate(view: view, events: []))
        return stream
    }

    private func unsubscribe(_ id: Int) { subscribers[id] = nil }

    /// Tells what has happened, now.
    func tell(_ events: [EventRecord]) {
        for event in events {
            logger.info(
                "\(event.summary)\(event.because.isEmpty ? "" : " because \(event.because)")",
                metadata: ["duration_ms": "\(event.durationMs ?? 0)"])
            for order in orders { order.progress.yield(.event(event)) }
            notifier?.notify(event, machine.cluster)
        }
        guard !subscribers.isEmpty else { return }
        let view = self.view
        lastPublished = view
        let update = SchedulerUpdate(view: view, events: events)
        for subscriber in subscribers.values { subscriber.yield(update) }
    }

    /// Tells how the cluster is seen, where that has changed since it was last told.
    func publish(isTick: Bool) {
        guard isTick, !subscribers.isEmpty else { return }
        let view = self.view
        guard view.withoutAges != lastPublished?.withoutAges else { return }
        lastPublished = view
        let update = SchedulerUpdate(view: view, events: [])
        for subscriber in subscribers.values { subscriber.yield(update) }
    }
}

extension ClusterView {
    fileprivate var withoutAges: ClusterView {
        var view = self
        for index in view.nodes.indices { view.nodes[index].seenAgoMs = nil }
        return view
    }
}
