import FailoverCore
import Foundation

/// The one query of a probe, and how its row is read. It works in and out of recovery, on
/// PostgreSQL 13 to 18, and needs no more than the grants of `Roles` in Deployment.
enum ProbeQuery {
    /// Ages are computed on the node: no clock but its own is asked.
    static let sql = """
        WITH recovery AS (SELECT pg_is_in_recovery() AS active),
        receiver AS (
          SELECT status, received_tli,
            (extract(epoch FROM clock_timestamp() - last_msg_receipt_time) * 1000)::bigint AS age
          FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL),
        timeline AS (\(newestTimeline))
        SELECT (SELECT system_identifier FROM pg_control_system()), active, timeline.id,
          \(history(of: "timeline.id")),
          CASE WHEN active THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END,
          CASE WHEN active THEN pg_last_wal_receive_lsn() END,
          (SELECT status FROM receiver), (SELECT age FROM receiver),
          (SELECT json_agg(json_build_array(application_name, state, flush_lsn, reply_time))
           FROM pg_stat_replication),
          (SELECT json_agg(json_build_array(slot_name, active, wal_status))
           FROM pg_replication_slots WHERE slot_type = 'physical'),
          current_setting('synchronous_standby_names'),
          current_setting('default_transaction_read_only'),
          current_setting('primary_conninfo'),
          current_setting('toolkit.term', true), current_setting('toolkit.step', true),
          CASE WHEN active THEN pg_is_wal_replay_paused() ELSE false END,
          pg_postmaster_start_time()
        FROM recovery, timeline
        """

    /// In recovery the newest timeline that left any trace counts: what was received, what a
    /// restart would begin from, and the names of the WAL files.
    static let newestTimeline = """
        SELECT CASE WHEN active THEN greatest(
            (SELECT received_tli FROM pg_stat_get_wal_receiver() WHERE pid IS NOT NULL),
            (SELECT timeline_id FROM pg_control_checkpoint()),
            (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
            (SELECT max(('x' || substr(name, 1, 8))::bit(32)::bigint) FROM pg_ls_waldir()
             WHERE name ~ '^[0-9A-F]{24}$'))
          ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint
          END AS id FROM recovery
        """

    static func history(of timeline: String) -> String {
        let file = "'pg_wal/' || upper(lpad(to_hex(\(timeline)), 8, '0')) || '.history'"
        return "pg_read_file(\(file), 0, 1048576, true)"
    }

    /// Nil when the row makes no sense.
    static func observation(_ row: [String?]) -> NodeObservation? {
        guard row.count == 17, let systemIdentifier = row[0],
            let timeline = row[2].flatMap({ UInt32($0) }).map({ TimelineID($0) }),
            let history = TimelineHistory(timeline: timeline, text: row[3] ?? ""),
            let position = row[4].flatMap({ LSN($0) })
        else { return nil }
        return NodeObservation(
            systemIdentifier: systemIdentifier, isInRecovery: row[1] == "t", timeline: timeline,
            history: history, position: position, received: row[5].flatMap { LSN($0) },
            receiver: row[6].map {
                .init(status: $0, messageAgeMs: plausibleAge(row[7].flatMap { Int64($0) }))
            },
            senders: table(row[8]).compactMap(sender), slots: table(row[9]).compactMap(slot),
            standbyNames: row[10] ?? "", isReadOnly: row[11] == "on",
            attachedAs: ConnectionText.value(of: "application_name", in: row[12] ?? ""),
            stamp: stamp(term: row[13], step: row[14]), isReplayPaused: row[15] == "t",
            postmasterStart: row[16] ?? "")
    }

    /// A clock that was set makes ages negative or absurd: they prove nothing.
    private static func plausibleAge(_ age: Int64?) -> Int64? {
        guard let age, (0...86_400_000).contains(age) else { return nil }
        return age
    }

    static func stamp(term: String?, step: String?) -> Stamp? {
        guard let term = term.flatMap({ Int($0) }), let step = step.flatMap({ Int($0) }) else {
            return nil
        }
        return Stamp(term: Term(term), step: Revision(step))
    }

    private enum Cell: Decodable {
        case text(String)
        case flag(Bool)
        case null

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else {
                self = .text(try container.decode(String.self))
            }
        }

        var text: String? {
            if case .text(let text) = self { text } else { nil }
        }
        var isTrue: Bool {
            if case .flag(let flag) = self { flag } else { false }
        }
    }

    private static func table(_ json: String?) -> [[Cell]] {
        guard let json, let rows = try? JSONDecoder().decode([[Cell]].self, from: Data(json.utf8))
        else { return [] }
        return rows
    }

    private static func sender(_ row: [Cell]) -> NodeObservation.Sender? {
        guard row.count == 4, let name = row[0].text else { return nil }
        return .init(
            applicationName: name, state: row[1].text ?? "", flush: row[2].text.flatMap { LSN($0) },
            replyTime: row[3].text)
    }

    private static func slot(_ row: [Cell]) -> NodeObservation.Slot? {
        guard row.count == 3, let name = row[0].text else { return nil }
        return .init(name: name, isActive: row[1].isTrue, walStatus: row[2].text)
    }
}

/// libpq's `key=value` form of a connection string, as far as a probe has to read it.
enum ConnectionText {
    /// The last value of `keyword`; nil when it does not occur or the text can't be read.
    static func value(of keyword: String, in text: String) -> String? {
        var rest = text[...]
        var found: String?
        while true {
            rest = rest.drop(while: \.isWhitespace)
            guard let equals = rest.firstIndex(of: "=") else { return found }
            let name = rest[..<equals].filter { !$0.isWhitespace }
            rest = rest[rest.index(after: equals)...].drop(while: \.isWhitespace)
            let value = takeValue(&rest)
            if name == keyword { found = value }
        }
    }

    private static func takeValue(_ rest: inout Substring) -> String {
        var value = ""
        let isQuoted = rest.first == "'"
        if isQuoted { rest = rest.dropFirst() }
        while let character = rest.popFirst() {
            if character == "\\" {
                if let next = rest.popFirst() { value.append(next) }
            } else if isQuoted ? character == "'" : character.isWhitespace {
                break
            } else {
                value.append(character)
            }
        }
        return value
    }
}
