/// One thing that settings may not say together, or that is worth a word.
struct Rule: Sendable {
    var code: String
    var level: Finding.Level = .error
    /// Declared paths that it looks at: where one of them is not known, the rule waits.
    var reads: [String]
    var check: @Sendable (Subject) -> [Violation]
}

/// Where a rule does not hold.
struct Violation {
    /// The path as written that a message names.
    var setting: String
    var position: Position?
    var message: String
    var hint: String
}

/// What rules look at.
struct Subject {
    var settings: ClusterSettings
    var reading: Reading
    var home: String?

    func violation(_ setting: String, _ message: String, _ hint: String) -> Violation {
        Violation(
            setting: setting, position: reading.position(of: setting), message: message, hint: hint)
    }

    /// The one to blame: the first of `paths` that is written in the file.
    func written(_ paths: String...) -> String {
        paths.first(where: reading.isWritten) ?? paths.first ?? ""
    }

    /// The later of the written ones: a reader meets the contradiction there.
    func laterWritten(_ paths: [String]) -> String {
        let places = paths.compactMap { path in reading.items[path].map { (path, $0.position) } }
        return places.max { $0.1 < $1.1 }?.0 ?? paths.first ?? ""
    }

    var nodes: [(path: String, node: NodeSettings)] {
        settings.nodes.enumerated().map { ("nodes[\($0.offset)]", $0.element) }
    }

    /// Every node with each that stands before it.
    func pairs(
        _ check: (_ first: NodeSettings, _ path: String, _ second: NodeSettings) -> Violation?
    ) -> [Violation] {
        nodes.enumerated().compactMap { index, second in
            for first in nodes[..<index] {
                if let found = check(first.node, second.path, second.node) { return found }
            }
            return nil
        }
    }
}

extension Rule {
    static let all: [Rule] =
        nodeRules + cascadeRules + placeRules + replicationRules + accessRules + parameterRules
        + [versions] + timerRules + dockerRules + hookRules + advice

    /// The findings of all rules whose settings are known.
    static func findings(on subject: Subject) -> [Finding] {
        all.filter { rule in !rule.reads.contains(where: subject.reading.isUnknown) }
            .flatMap { rule in
                rule.check(subject).map { violation in
                    Finding(
                        level: rule.level, code: rule.code, file: subject.reading.file,
                        position: violation.position, setting: violation.setting,
                        message: violation.message, hint: violation.hint)
                }
            }
    }
}

/// What a host name says about the machine.
enum Host {
    static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased()
        return host == "localhost" || host == "::1"
            || host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." }
    }

    /// Equal for hosts that are one machine for sure.
    static func machine(_ host: String) -> String {
        isLoopback(host) ? "localhost" : host.lowercased()
    }

    /// Equal for hosts that are one address for sure: 127.0.0.1 and 127.0.0.2 are two.
    static func address(_ host: String) -> String {
        let host = host.lowercased()
        return ["localhost", "::1"].contains(host) ? "127.0.0.1" : host
    }
}
