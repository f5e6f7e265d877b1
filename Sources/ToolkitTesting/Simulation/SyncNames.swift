/// A value of synchronous_standby_names, read once.
struct SyncNames {
    var text: String
    /// 0: nobody is waited for.
    var required: Int
    /// Application names as numbers; a name of nobody is -1.
    var voters: [Int]

    static let locked = SyncNames("ANY 1 (toolkit_locked)")
    static let none = SyncNames("")

    var isDefined: Bool { required > 0 }

    init(_ text: String) {
        self.text = text
        let words = text.split(whereSeparator: { " (),".contains($0) })
        guard words.count >= 2, let required = Int(words[1]) else {
            self.required = 0
            voters = []
            return
        }
        self.required = required
        voters = words.dropFirst(2).map { ApplicationName.number($0) }
    }
}

/// `b_12`, the twelfth attachment of node b, as a number that is compared on the hot path.
enum ApplicationName {
    static let letters: [String] = ["a", "b", "c", "d", "e"]

    static func number(_ text: some StringProtocol) -> Int {
        let halves = text.split(separator: "_")
        guard halves.count == 2, let node = letters.firstIndex(of: String(halves[0])),
            let attach = Int(halves[1])
        else { return -1 }
        return node * 100_000 + attach
    }

    static func node(_ number: Int) -> Int? { number < 0 ? nil : number / 100_000 }
}
