import ClusterFile

/// A value that a setting refuses, with what is said about it.
struct WrongValue {
    var yaml: String
    /// Where in the value the place is, and under which path: entries of lists have their own.
    var offset = 0
    var below = ""
    var message: String
    var hint: String

    static func ofWrongType(_ setting: Setting) -> WrongValue {
        let expected = "expected \(setting.type.expectation), found "
        let example = "write for example `\(setting.name): \(setting.example)`"
        func wrong(_ yaml: String, _ found: String, _ hint: String) -> WrongValue {
            WrongValue(yaml: yaml, message: expected + found, hint: hint)
        }
        switch setting.type {
        case .flag, .number: return wrong("many", "\"many\"", example)
        case .duration:
            return wrong(
                "soon", "\"soon\"", example + "; whole numbers with ms, s, min or h")
        case .size:
            return wrong(
                "much", "\"much\"", example + "; whole numbers with B, kB, MB or GB")
        case .choice, .text, .command: return wrong("[ x ]", "a list", example)
        case .texts, .parameters: return wrong("5", "5", example)
        case .group: return wrong("5", "5", "write `key: value` lines")
        case .groups: return wrong("5", "5", "write a list: `- { name: node1, host: 10.0.0.1 }`")
        }
    }

    static func impossible(_ setting: Setting) -> WrongValue {
        let expected = "expected \(setting.type.expectation), found "
        let example = "write for example `\(setting.name): \(setting.example)`"
        switch setting.type {
        case .flag:
            return WrongValue(yaml: "on", message: expected + "`on`", hint: "write `true`")
        case .number(let range):
            let next = "\(range.upperBound + 1)"
            return WrongValue(yaml: next, message: expected + next, hint: example)
        case .duration(let range):
            let next = "\(range.upperBound + 1)ms"
            return WrongValue(
                yaml: next, message: expected + "\"\(next)\"",
                hint: example + "; whole numbers with ms, s, min or h")
        case .size(let range):
            let next = "\(range.upperBound + 1)B"
            return WrongValue(
                yaml: next, message: expected + "\"\(next)\"",
                hint: example + "; whole numbers with B, kB, MB or GB")
        case .choice:
            return WrongValue(yaml: "zzzz", message: expected + "\"zzzz\"", hint: example)
        case .text(let rule): return ofRule(rule)
        case .texts(let rule):
            var wrong = ofRule(rule)
            wrong.yaml = "[ \(wrong.yaml) ]"
            wrong.offset = 2
            wrong.below = "[0]"
            return wrong
        case .command: return ofRule(.command)
        case .parameters:
            return WrongValue(
                yaml: "{ a b: 1 }", offset: 2, below: ".a b",
                message: "expected the name of a PostgreSQL parameter",
                hint: "letters, digits and underscores, with a dot for parameters of extensions")
        case .group:
            return WrongValue(
                yaml: "[ x ]", message: expected + "a list", hint: "write `key: value` lines")
        case .groups:
            return WrongValue(
                yaml: "[]", message: "expected at least one node",
                hint: "add a node: `- { name: node1, host: 10.0.0.1 }`")
        }
    }

    private static func ofRule(_ rule: TextRule) -> WrongValue {
        func wrong(_ yaml: String, _ because: String, _ hint: String) -> WrongValue {
            let found = yaml.replacing("'", with: "")
            return WrongValue(
                yaml: yaml, message: "expected \(rule.noun), found \"\(found)\": \(because)",
                hint: hint)
        }
        switch rule {
        case .name:
            return wrong(
                "Big-Shop", "other characters are refused",
                "write a name such as `shop` or `node1`")
        case .host:
            return wrong(
                "10.0.0.1/24", "that is none",
                "write a DNS name or an IPv4 or IPv6 address, the port under its own key")
        case .absolutePath:
            return wrong(
                "some/where", "it does not start with `/`", "write the whole path, from `/` on")
        case .localPath:
            return wrong(
                "~anna/x", "`~` is understood only as `~/`", "write `~/…` or the whole path")
        case .identifier:
            var wrong = wrong("", "it has 64 bytes", "choose a name that PostgreSQL does not cut")
            wrong.yaml = String(repeating: "é", count: 32)
            wrong.message = wrong.message.replacing("\"\"", with: "\"\(wrong.yaml)\"")
            return wrong
        case .user:
            return wrong(
                "a@b", "a user name has no space, `/`, `:` or `@`", "write the name of a user")
        case .hbaLine:
            return wrong(
                "'local all all'", "a `local` line has at least 4 words, this one 3",
                "write for example `host app app 10.0.0.0/24 scram-sha-256`")
        case .command:
            return wrong("''", "it is empty", "write a value, or leave the key out")
        case .eventName:
            return wrong(
                "'a b'", "other characters are refused", "`toolkit events` shows the names")
        case .dockerName:
            return wrong(
                "'-a b'", "other names are refused",
                "write letters, digits, `_`, `.` and `-`, a letter or digit first")
        case .dockerImage:
            return wrong(
                "registry:5000/postgres", "it has no tag",
                "a tag such as `postgres:15.14` keeps the version")
        case .service:
            return wrong(
                "postgresql", "it is neither",
                "write postgresql@15-main.service, 15/main, or leave it out")
        }
    }
}
