public import ClusterFile
import FailoverCore
import Foundation
public import Quotation

/// What a hook is told: the variables of its environment, and the same call as JSON.
public struct HookEnvironment: Sendable {
    public var settings: ClusterSettings

    public init(settings: ClusterSettings) { self.settings = settings }

    /// Every variable of HOOKS.md, empty where the call has no such fact.
    public func variables(for call: HookCall) throws(QuotingError) -> [String: String] {
        let node = call.node
        var facts = [
            "TOOLKIT_HOOK": call.hook.rawValue,
            "TOOLKIT_CLUSTER": settings.cluster,
            "TOOLKIT_TERM": String(call.term),
            "TOOLKIT_STEP": String(call.step),
            "TOOLKIT_PRIMARY_CONNINFO": try conninfo(of: call),
            "TOOLKIT_TIMELINE": call.timeline.map { String($0) } ?? "",
            "TOOLKIT_SWITCH_LSN": call.switchLSN?.description ?? "",
            "TOOLKIT_SLOT": call.slot ?? "",
            "TOOLKIT_APPLICATION_NAME": call.applicationName ?? "",
            "TOOLKIT_REPLICATION_USER": settings.postgresql.replicationRole,
            "TOOLKIT_RUNTIME": node.docker == nil ? "native" : "docker",
            "TOOLKIT_CONTAINER": node.docker?.container ?? "",
            "TOOLKIT_VOLUME": node.docker?.volume ?? "",
            "TOOLKIT_SERVICE": node.service ?? "",
            "TOOLKIT_CONFIG_FILE": NodeEnvironment.configFile(of: node),
            "TOOLKIT_CONFIG_DIR": node.configDirectory,
            "TOOLKIT_STATE_DIR": node.stateDirectory,
            "TOOLKIT_RUNTIME_DIR": node.runtimeDirectory,
            "TOOLKIT_TIMEOUT_SECONDS": String(timeoutSeconds(of: call.hook)),
            "TOOLKIT_REASON": call.reason,
            "TOOLKIT_DRY_RUN": call.isDryRun ? "1" : "0",
            "PGDATA": node.dataDirectory,
            "PGPORT": String(node.port),
            "PGHOST": node.socketDirectory,
            "PG_BINDIR": settings.postgresql.binDirectory,
            "PGPASSFILE": NodeEnvironment.passFile(of: node),
        ]
        describe(node, as: "NODE", in: &facts)
        describe(call.primary, as: "PRIMARY", in: &facts)
        describe(call.oldPrimary, as: "OLD_PRIMARY", in: &facts)
        // A fact of the call wins over an extra one: a stamp can't be smuggled in.
        facts.merge(call.extra) { known, _ in known }
        return facts
    }

    /// The call as one JSON document, for standard input.
    public func document(for call: HookCall) throws(QuotingError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document = Document(
            version: 1, hook: call.hook.rawValue, term: call.term, step: call.step,
            isDryRun: call.isDryRun, environment: try variables(for: call))
        return Array((try? encoder.encode(document)) ?? Data("{}".utf8))
    }

    /// Whole seconds, rounded up: the deadline of one attempt.
    public func timeoutSeconds(of hook: HookName) -> Int {
        let milliseconds = settings.hooks.byName[hook.rawValue]?.timeoutMs ?? 60_000
        return max(1, Int((milliseconds + 999) / 1000))
    }

    private func describe(
        _ node: NodeSettings?, as role: String, in facts: inout [String: String]
    ) {
        facts["TOOLKIT_\(role)_ID"] = node?.id.rawValue ?? ""
        facts["TOOLKIT_\(role)_NAME"] = node?.id.rawValue ?? ""
        facts["TOOLKIT_\(role)_HOST"] = node?.host ?? ""
        facts["TOOLKIT_\(role)_PORT"] = node.map { String($0.port) } ?? ""
    }

    private func conninfo(of call: HookCall) throws(QuotingError) -> String {
        if let conninfo = call.conninfo {
            // pg_rewind connects to a database; without one libpq takes the role's name.
            guard !conninfo.contains("dbname=") else { return conninfo }
            return conninfo + " dbname=\(try Quoting.conninfoValue(settings.postgresql.database))"
        }
        guard let primary = call.primary else { return "" }
        var words = [
            ("host", primary.host), ("port", String(primary.port)),
            ("user", settings.postgresql.replicationRole),
            ("dbname", settings.postgresql.database),
            ("passfile", NodeEnvironment.passFile(of: call.node)),
        ]
        if let name = call.applicationName { words.append(("application_name", name)) }
        return try words.map { name, value throws(QuotingError) in
            "\(name)=\(try Quoting.conninfoValue(value))"
        }.joined(separator: " ")
    }

    private struct Document: Encodable {
        var version: Int
        var hook: String
        var term: Int
        var step: Int
        var isDryRun: Bool
        var environment: [String: String]

        enum CodingKeys: String, CodingKey {
            case version, hook, term, step, environment
            case isDryRun = "dry_run"
        }
    }
}
