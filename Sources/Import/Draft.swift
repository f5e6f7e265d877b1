import ClusterFile

/// The `cluster.yaml` that comes into being, each value with the setting that it comes from.
struct Draft {
    enum Scalar: Hashable {
        case text(String)
        case number(Int)
        case flag(Bool)

        var shown: String {
            switch self {
            case .text(let text): text
            case .number(let number): "\(number)"
            case .flag(let flag): "\(flag)"
            }
        }
    }

    struct Value: Hashable {
        var scalar: Scalar
        var origin: SourceSetting
        /// Without it the file would mean something else: it is never left out.
        var isEssential = false
    }

    struct Node {
        /// Of its settings: a node is known by the file that describes it.
        var document: SourceDocument
        /// By key: `host`, `priority`.
        var values: [String: Value] = [:]
    }

    /// By path; nodes have their own.
    var values: [String: Value] = [:]
    var nodes: [Node] = []
    var parameters: [(name: String, value: Value)] = []
    var hba: [Value] = []
    var report = ImportReport()
    var problems: [Finding] = []

    /// Paths that change what the file is about; a wrong value is refused, not left out.
    private static let essential: Set<String> = [
        "cluster", "postgresql.version", "postgresql.bin_dir", "failover.mode", "name", "host",
        "port", "data_dir", "priority", "replication_quorum", "socket_dir",
    ]

    /// Of the cluster. The first file that says it wins; another value of a later one is told.
    mutating func set(_ path: String, _ scalar: Scalar, from origin: SourceSetting) {
        if let kept = values[path] {
            guard kept.scalar != scalar else { return report.add(origin, path, scalar.shown) }
            let place = "\(kept.origin.file):\(kept.origin.position.line)"
            if Self.essential.contains(path) {
                problems.append(
                    origin.problem(
                        "files.disagree",
                        "it gives `\(path)` the value \(shown(scalar)), \(place) "
                            + "\(shown(kept.scalar))",
                        "the nodes of one cluster have it in common: name the files of one "
                            + "cluster, or make them agree"))
                return
            }
            report.add(
                origin, because: "\(place) has another value, which was taken",
                next: "cluster.yaml has `\(path)` once for all nodes: decide which one is right")
            return
        }
        values[path] = Value(
            scalar: scalar, origin: origin, isEssential: Self.essential.contains(path))
        report.add(origin, path, scalar.shown)
    }

    /// Of one node.
    mutating func set(
        _ key: String, of node: Int, _ scalar: Scalar, from origin: SourceSetting
    ) {
        nodes[node].values[key] = Value(
            scalar: scalar, origin: origin, isEssential: Self.essential.contains(key))
        report.add(origin, "nodes[].\(key)", scalar.shown)
    }

    mutating func set(parameter name: String, _ text: String, from origin: SourceSetting) {
        let path = "postgresql.parameters.\(name)"
        if let kept = parameters.first(where: { $0.name == name })?.value {
            guard kept.scalar != .text(text) else { return report.add(origin, path, text) }
            report.add(
                origin,
                because: "\(kept.origin.file):\(kept.origin.position.line) has another value, "
                    + "which was taken",
                next: "cluster.yaml has each parameter once for all nodes: decide which one is "
                    + "right")
            return
        }
        parameters.append((name, Value(scalar: .text(text), origin: origin)))
        report.add(origin, path, text)
    }

    mutating func add(hba line: String, from origin: SourceSetting) {
        if !hba.contains(where: { $0.scalar == .text(line) }) {
            hba.append(Value(scalar: .text(line), origin: origin))
        }
        report.add(origin, "postgresql.hba[]", line)
    }

    func text(_ key: String, of node: Int) -> String {
        nodes[node].values[key]?.scalar.shown ?? ""
    }

    private func shown(_ scalar: Scalar) -> String { SecretText.hiding(in: scalar.shown) }
}

// MARK: - What the product itself refuses

extension Draft {
    /// Where a message of `ClusterFile` points; nil: at nothing that was imported.
    func value(at path: String) -> Value? {
        if let value = values[path] { return value }
        if let name = path.dropping(prefix: "postgresql.parameters.") {
            return parameters.first { $0.name == name }?.value
        }
        if let index = path.index(in: "postgresql.hba"), hba.indices.contains(index) {
            return hba[index]
        }
        guard let index = path.index(in: "nodes"), nodes.indices.contains(index) else {
            return nil
        }
        let key = path.split(separator: "]").last?.drop { $0 == "." } ?? ""
        return nodes[index].values[String(key)] ?? nodes[index].values["name"]
    }

    /// Leaves out what `finding` is about, and reports it; false where it can't be left out.
    mutating func leaveOut(_ finding: Finding) -> Bool {
        guard let value = value(at: finding.setting), !value.isEssential else { return false }
        if let name = finding.setting.dropping(prefix: "postgresql.parameters.") {
            parameters.removeAll { $0.name == name }
        } else if finding.setting.hasPrefix("postgresql.hba[") {
            hba.removeAll { $0 == value }
        } else if let index = finding.setting.index(in: "nodes") {
            let key = finding.setting.split(separator: "]").last?.drop { $0 == "." } ?? ""
            nodes[index].values[String(key)] = nil
        } else {
            values[finding.setting] = nil
        }
        let target = finding.setting.replacing(/\[\d+\]/, with: "[]")
        report.retract(target: target, value.scalar.shown)
        report.add(value.origin, because: finding.message, next: finding.hint)
        return true
    }
}

extension String {
    func dropping(prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }

    /// `1` of `nodes[1].port` in `nodes`.
    fileprivate func index(in list: String) -> Int? {
        dropping(prefix: list + "[").flatMap { Int($0.prefix { $0 != "]" }) }
    }
}
