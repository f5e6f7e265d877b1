/// How one hook has stood its trial.
public struct HookVerdict: Hashable, Sendable, Encodable {
    public enum Check: Hashable, Sendable, Encodable {
        case passed
        case failed(String)
        /// With the reason.
        case notTried(String)

        public var isFailure: Bool { if case .failed = self { true } else { false } }

        /// One word for a table.
        public var word: String {
            switch self {
            case .passed: "yes"
            case .failed: "NO"
            case .notTried: "-"
            }
        }

        public var sentence: String? {
            switch self {
            case .passed: nil
            case .failed(let text), .notTried(let text): text
            }
        }

        private enum CodingKeys: CodingKey { case status, because }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            let status =
                switch self {
                case .passed: "passed"
                case .failed: "failed"
                case .notTried: "not tried"
                }
            try container.encode(status, forKey: .status)
            try container.encodeIfPresent(sentence, forKey: .because)
        }
    }

    /// The hook, with the case that was tried where it has several.
    public var hook: String
    /// It leaves behind what it must.
    public var job: Check
    /// A second run does no harm.
    public var twice: Check
    /// Under an older term it is not run.
    public var stale: Check
    /// It is ended at its deadline with all it started, and does its job when run again.
    public var deadline: Check

    public var checks: [(name: String, check: Check)] {
        [("job", job), ("twice", twice), ("stale", stale), ("deadline", deadline)]
    }
    public var isPassed: Bool { !checks.contains { $0.check.isFailure } }
}
