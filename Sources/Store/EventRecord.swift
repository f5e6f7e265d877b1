public import FailoverCore

/// One line of the cluster's story: what was seen, which rule fired, what was done and how long it
/// took. Never rewritten.
public struct EventRecord: Codable, Hashable, Sendable, Identifiable {
    public enum Kind: String, Codable, Hashable, Sendable, CaseIterable {
        /// A rule fired.
        case decision
        /// An effect ended, well or not.
        case effect
        /// Something was seen to change: a node lost, a node back, names changed by another hand.
        case observation
        /// An operator ordered something, or was refused.
        case `operator`
        /// The scheduler itself: started, stopped, went on after a crash.
        case scheduler
    }

    /// Given by the store: grows with every event, never used twice. Nil until it is stored.
    public var id: Int64?
    /// When, milliseconds since 1970; only to be shown.
    public var wallMs: Int64
    /// The cluster's revision that the event belongs to: of a decision, the one that it made.
    public var revision: Revision
    public var term: Term
    public var kind: Kind
    /// The rule that fired; nil where none did.
    public var rule: RuleID?
    /// The node that it is about; nil: the whole cluster.
    public var node: NodeID?
    /// The phase before and after, where it changed.
    public var fromPhase: Phase?
    public var toPhase: Phase?
    /// What happened, in one sentence.
    public var summary: String
    /// Why, with the inputs of the decision; empty when the summary says it all.
    public var because: String
    /// The id of the effect that was begun or ended (`Effect.ID.description`).
    public var effect: String?
    /// How the effect ended: `done`, `failed`, `try again`, `stale` or `unknown`.
    public var outcome: String?
    public var durationMs: Int64?
    /// The end of what a hook printed.
    public var output: String?

    public init(
        wallMs: Int64, revision: Revision, term: Term, kind: Kind, rule: RuleID? = nil,
        node: NodeID? = nil, fromPhase: Phase? = nil, toPhase: Phase? = nil, summary: String,
        because: String = "", effect: String? = nil, outcome: String? = nil,
        durationMs: Int64? = nil, output: String? = nil
    ) {
        self.wallMs = wallMs
        self.revision = revision
        self.term = term
        self.kind = kind
        self.rule = rule
        self.node = node
        self.fromPhase = fromPhase
        self.toPhase = toPhase
        self.summary = summary
        self.because = because
        self.effect = effect
        self.outcome = outcome
        self.durationMs = durationMs
        self.output = output
    }
}

extension EventRecord {
    /// The summary of the event that `undeploy` notes before it takes the first file away.
    public static let removalBegan = "undeploy began to take the files away"

    /// The same event as a store keeps it: no more than the last `bytes` of its output, and no NUL,
    /// at which SQLite would end the text.
    func storable(outputBytes bytes: Int) -> EventRecord {
        var event = self
        event.summary = Self.withoutNUL(summary)
        event.because = Self.withoutNUL(because)
        event.effect = effect.map(Self.withoutNUL)
        event.outcome = outcome.map(Self.withoutNUL)
        event.output = output.map { output in
            let isLong = output.utf8.count > bytes
            return Self.withoutNUL(
                isLong ? String(decoding: output.utf8.suffix(bytes), as: UTF8.self) : output)
        }
        return event
    }

    private static func withoutNUL(_ text: String) -> String {
        guard text.utf8.contains(0) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\0" ? "␀" : $0 }))
    }
}
