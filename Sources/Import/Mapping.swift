/// The declaration of one setting of a source: what the import, its page and its tests are made from.
public struct Mapping: Sendable {
    public enum Target: Hashable, Sendable {
        /// A setting of cluster.yaml.
        case setting(String)
        /// What the product does without a setting.
        case builtIn
        /// Nothing: the text says why.
        case none
    }

    /// As the source has it; `restapi.*` stands for all below it, `log_*` for all that begin so.
    public var setting: String
    public var target: Target
    /// How it is translated, or why it isn't.
    public var meaning: String
    /// What to do by hand; empty: nothing.
    public var next: String
    /// A value as the source may have it.
    public var example: String
    /// What the target gets from the example.
    public var becomes: String
    var convert: @Sendable (String) -> Converted

    /// Whether the row is about a setting of this name.
    func covers(_ name: String) -> Bool {
        guard setting.hasSuffix("*") else { return setting == name }
        guard setting.hasSuffix(".*") else { return name.hasPrefix(setting.dropLast()) }
        return name.hasPrefix(setting.dropLast()) || name == setting.dropLast(2)
            || name.hasPrefix(setting.dropLast(2) + "[]")
    }
}

/// What one value becomes.
enum Converted {
    /// The target's value.
    case value(Draft.Scalar)
    case builtIn(String)
    case byHand(because: String, next: String)
    /// Seen together with other settings, afterwards.
    case together
    /// The source would refuse it too.
    case refused(expected: String)
}

extension Mapping {
    /// To a setting of cluster.yaml.
    init(
        _ setting: String, to target: String, _ example: String, becomes: String,
        _ meaning: String, by convert: @escaping @Sendable (String) -> Converted
    ) {
        self.init(
            setting: setting, target: .setting(target), meaning: meaning, next: "",
            example: example, becomes: becomes, convert: convert)
    }

    /// Met without a setting.
    static func builtIn(_ setting: String, _ example: String, _ meaning: String) -> Mapping {
        Mapping(
            setting: setting, target: .builtIn, meaning: meaning, next: "", example: example,
            becomes: "", convert: { _ in .builtIn(meaning) })
    }

    /// Not mapped.
    static func byHand(
        _ setting: String, _ example: String, _ because: String, next: String = ""
    ) -> Mapping {
        Mapping(
            setting: setting, target: .none, meaning: because, next: next, example: example,
            becomes: "", convert: { _ in .byHand(because: because, next: next) })
    }
}

/// Conversions that more than one row needs.
enum Convert {
    static let text: @Sendable (String) -> Converted = { text in
        text.isEmpty ? .refused(expected: "a value") : .value(.text(text))
    }

    /// Cluster and node names: small letters, digits, underscores.
    static let name: @Sendable (String) -> Converted = { text in
        let lowered = text.lowercased().unicodeScalars.map { scalar in
            switch scalar {
            case "a"..."z", "0"..."9": Character(scalar)
            default: Character("_")
            }
        }
        let start = lowered.first.map { $0.isNumber || $0 == "_" } ?? true
        return .value(.text((start ? "n" : "") + String(lowered)))
    }

    static let port: @Sendable (String) -> Converted = { text in
        guard let port = Int(text), (1...65_535).contains(port) else {
            return .refused(expected: "a port from 1 to 65535")
        }
        return .value(.number(port))
    }

    /// `0` stays `0`: never promoted.
    static let priority: @Sendable (String) -> Converted = { text in
        guard let number = Int(text), number >= 0 else {
            return .refused(expected: "a whole number from 0 on")
        }
        return .value(.number(min(number, 100)))
    }

    /// The words that all three take.
    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "on", "yes", "1", "t", "y": true
        case "false", "off", "no", "0", "f", "n": false
        default: nil
        }
    }

    /// Whole seconds to a duration.
    static let seconds: @Sendable (String) -> Converted = { text in
        guard let seconds = Int(text), (0...1_000_000).contains(seconds) else {
            return .refused(expected: "a whole number of seconds")
        }
        return .value(.text("\(seconds)s"))
    }

    static let wholeNumber: @Sendable (String) -> Converted = { text in
        Int(text) == nil ? .refused(expected: "a whole number") : .together
    }

    static let anyFlag: @Sendable (String) -> Converted = { text in
        flag(text) == nil ? .refused(expected: "true or false") : .together
    }

    /// A path without a slash at its end.
    static let path: @Sendable (String) -> Converted = { text in
        var path = text
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path.hasPrefix("/")
            ? .value(.text(path)) : .refused(expected: "an absolute path")
    }

    /// A command that the scheduler runs, on its own machine.
    static let schedulerCommand: @Sendable (String) -> Converted = { text in
        guard let command = text.split(whereSeparator: \.isWhitespace).first else {
            return .builtIn("an empty command runs nothing")
        }
        if command.hasSuffix("/repmgr") || command == "repmgr" {
            return .byHand(
                because: "it runs repmgr, whose tables are not kept up any more",
                next: "write a command that asks `toolkit state --json` instead")
        }
        return .value(.text(text))
    }
}

/// The version of PostgreSQL in a path of its programs.
enum ProgramPath {
    /// `/usr/pgsql-16/bin`, `/usr/lib/postgresql/14/bin/pg_ctl`, `/opt/pg/15/bin`.
    static func version(in path: String) -> Int? {
        let words = path.split(separator: "/")
        return words.lazy.compactMap { word in
            let digits = word.split(separator: "-").last ?? ""
            let isOwn =
                word == digits || word.hasPrefix("pgsql-") || word.hasPrefix("postgresql-")
                || word.hasPrefix("pg-")
            guard isOwn, let number = Int(digits.prefix { $0 != "." }), (8...30).contains(number)
            else { return nil }
            return number
        }.first
    }
}
