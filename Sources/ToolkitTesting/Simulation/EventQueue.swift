/// Everything that can happen by itself in the simulated world, at its time.
enum Happening {
    // The scheduler.
    case tick(scheduler: Int, epoch: Int)
    case probe(scheduler: Int, node: Int, token: Int)
    case probeSample(scheduler: Int, node: Int, token: Int)
    case probeAnswer(scheduler: Int, node: Int, token: Int)
    case schedulerStart(scheduler: Int, epoch: Int)
    case canary(scheduler: Int, node: Int, epoch: Int, goal: Int)
    case wakeRun(run: Int, token: Int)
    // Commands on their way.
    case remoteArrive(job: Int)
    case remoteStage(job: Int, token: Int)
    case remoteReturn(job: Int)
    // Clients.
    case client(Int, token: Int)
    case insert(node: Int, client: Int, token: Int)
    case localFlush(node: Int, run: Int, upTo: Int)
    // Replication.
    case walMessage(node: Int, connection: Int, upTo: Int)
    case standbyFlush(node: Int, connection: Int, upTo: Int)
    case reply(node: Int, sender: Int, flush: Int)
    case resend(node: Int, sender: Int)
    case receiverTimer(node: Int, connection: Int)
    case senderTimer(node: Int, sender: Int)
    case connect(node: Int, token: Int)
    case receiverGone(node: Int, connection: Int)
    // Servers.
    case loadConfig(node: Int, run: Int)
    case startupConfig(node: Int, run: Int)
    case senderConfig(node: Int, sender: Int)
    case checkpointerConfig(node: Int, run: Int)
    case serverStage(node: Int, token: Int)
    case promotion(node: Int, token: Int)
    case autostart(node: Int, boot: Int)
    case noise(node: Int)
    case checkpoint(node: Int, run: Int)
    // What the seed has in store.
    case fault(Int)
    case faultEnd(Int)
    case unseal(Int)
    case ease(node: Int)
    case putBack(node: Int)
    case strayEnds(node: Int)
    case wish
    case healCheck

    /// The node whose PostgreSQL this concerns: while that is frozen, it waits.
    var server: Int? {
        switch self {
        case .insert(let node, _, _), .localFlush(let node, _, _), .walMessage(let node, _, _),
            .standbyFlush(let node, _, _), .reply(let node, _, _), .resend(let node, _),
            .receiverTimer(let node, _), .senderTimer(let node, _), .connect(let node, _),
            .receiverGone(let node, _), .loadConfig(let node, _), .startupConfig(let node, _),
            .senderConfig(let node, _), .checkpointerConfig(let node, _),
            .serverStage(let node, _), .promotion(let node, _), .noise(let node),
            .checkpoint(let node, _):
            node
        case .tick, .canary, .probe, .probeSample, .probeAnswer, .schedulerStart, .wakeRun,
            .remoteArrive,
            .remoteStage, .remoteReturn, .client, .autostart, .fault, .faultEnd, .unseal,
            .ease, .putBack, .strayEnds, .wish, .healCheck:
            nil
        }
    }
}

/// A heap by time; what was put in first comes first among equals.
struct EventQueue {
    private struct Entry {
        var at: Int64
        var sequence: Int64
        var happening: Happening

        func isBefore(_ other: Entry) -> Bool {
            at != other.at ? at < other.at : sequence < other.sequence
        }
    }

    private var heap: [Entry] = []
    private var sequence: Int64 = 0

    init() { heap.reserveCapacity(256) }

    var isEmpty: Bool { heap.isEmpty }
    var next: Happening? { heap.first?.happening }

    mutating func put(_ happening: Happening, at: Int64) {
        sequence += 1
        let entry = Entry(at: at, sequence: sequence, happening: happening)
        heap.append(entry)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard entry.isBefore(heap[parent]) else { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    mutating func take() -> (at: Int64, happening: Happening)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        let count = heap.count
        if count > 0 {
            var index = 0
            while true {
                var child = 2 * index + 1
                guard child < count else { break }
                if child + 1 < count, heap[child + 1].isBefore(heap[child]) { child += 1 }
                guard heap[child].isBefore(last) else { break }
                heap[index] = heap[child]
                index = child
            }
            heap[index] = last
        }
        return (first.at, first.happening)
    }
}
