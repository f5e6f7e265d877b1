/// The links between the places of the world: nodes, then schedulers, then clients.
struct SimulatedNetwork {
    struct Channel: OptionSet {
        let rawValue: UInt8
        static let sql = Channel(rawValue: 1)
        static let replication = Channel(rawValue: 2)
        static let ssh = Channel(rawValue: 4)
        static let every = Channel(rawValue: 7)
    }

    let places: Int
    private var cuts: [UInt8]
    private var delays: [Int64]
    private var losses: [Int]

    init(places: Int) {
        self.places = places
        cuts = Array(repeating: 0, count: places * places)
        delays = Array(repeating: 0, count: places * places)
        losses = Array(repeating: 0, count: places * places)
    }

    mutating func mend() {
        for index in cuts.indices {
            cuts[index] = 0
            delays[index] = 0
            losses[index] = 0
        }
    }

    mutating func cut(_ channels: Channel, from: Int, to: Int) {
        cuts[from * places + to] |= channels.rawValue
    }

    mutating func delay(_ microseconds: Int64, from: Int, to: Int) {
        delays[from * places + to] += microseconds
    }

    mutating func lose(_ percent: Int, from: Int, to: Int) {
        losses[from * places + to] = max(losses[from * places + to], percent)
    }

    func isOpen(_ channel: Channel, _ from: Int, _ to: Int) -> Bool {
        cuts[from * places + to] & channel.rawValue == 0
    }

    func isOpenBothWays(_ channel: Channel, _ one: Int, _ other: Int) -> Bool {
        isOpen(channel, one, other) && isOpen(channel, other, one)
    }

    /// How long one message takes; a lost packet is sent again by TCP.
    func latency(_ from: Int, _ to: Int, _ random: inout SimulationRandom) -> Int64 {
        let index = from * places + to
        var time = 100 + Int64(random.below(300)) + delays[index]
        if losses[index] > 0, random.chance(losses[index]) {
            time += 200_000 << Int64(random.below(3))
        }
        return time
    }
}
