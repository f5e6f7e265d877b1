import FailoverCore
import GRDB

extension EventRecord {
    static let columns = """
        wall_ms, revision, term, kind, rule, node, from_phase, to_phase, summary, because, effect, \
        outcome, duration_ms, output
        """

    var arguments: StatementArguments {
        [
            wallMs, revision.number, term.number, kind.rawValue, rule?.rawValue, node?.rawValue,
            fromPhase?.rawValue, toPhase?.rawValue, summary, because, effect, outcome, durationMs,
            output,
        ]
    }

    init(row: Row) throws {
        guard let kind = Kind(rawValue: row["kind"]) else {
            throw DatabaseError(
                resultCode: .SQLITE_CORRUPT, message: "event \(row["id"] as Int64) has no kind")
        }
        self.init(
            wallMs: row["wall_ms"], revision: Revision(row["revision"]), term: Term(row["term"]),
            kind: kind, rule: (row["rule"] as String?).map { RuleID($0) },
            node: (row["node"] as String?).map { NodeID($0) },
            fromPhase: (row["from_phase"] as String?).flatMap(Phase.init(rawValue:)),
            toPhase: (row["to_phase"] as String?).flatMap(Phase.init(rawValue:)),
            summary: row["summary"], because: row["because"], effect: row["effect"],
            outcome: row["outcome"], durationMs: row["duration_ms"], output: row["output"])
        id = row["id"]
    }
}
