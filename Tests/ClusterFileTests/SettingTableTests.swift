import ClusterFile
import Testing

/// For every declared setting: a wrong type, an impossible value and a misspelt name.
///
/// What a message says of the setting is taken from the declaration; where it points to, and how
/// it is worded, is told here a second time.
@Suite("Every setting")
struct SettingTableTests {
    @Test("A wrong type is refused at its value", arguments: Settings.all)
    func wrongType(_ setting: Setting) {
        let wrong = WrongValue.ofWrongType(setting)
        let file = SettingFile(setting, wrong.yaml)
        #expect(file.problems == [file.problem(wrong)])
    }

    @Test("An impossible value is refused at its value", arguments: Settings.all)
    func impossibleValue(_ setting: Setting) {
        let wrong = WrongValue.impossible(setting)
        let file = SettingFile(setting, wrong.yaml)
        #expect(file.problems == [file.problem(wrong)])
    }

    @Test("A misspelt name is refused at its key", arguments: Settings.all)
    func misspeltName(_ setting: Setting) {
        let file = SettingFile(setting, setting.type.isGroup ? "{}" : setting.example, extra: "x")
        let siblings = Settings.all.filter { $0.group == setting.group }.map(\.name)
        #expect(
            file.problems == [
                "cluster.yaml:\(file.line):\(file.keyColumn): \(file.path)x: "
                    + "there is no such setting\n"
                    + "  next: did you mean `\(setting.name)`? "
                    + "known here: \(siblings.joined(separator: ", "))"
            ])
    }

    @Test("The example of a setting is taken", arguments: Settings.all.filter { !$0.type.isGroup })
    func example(_ setting: Setting) {
        #expect(SettingFile(setting, setting.example).problems == [])
    }
}

/// A file that is valid but for one value, and where that value stands.
struct SettingFile {
    var text = ""
    /// The path as messages name it: `nodes[0].port`.
    var path: String
    var line = 0
    var keyColumn = 0
    var valueColumn = 0

    init(_ setting: Setting, _ value: String, extra: String = "") {
        path = setting.path.replacing("[]", with: "[0]")
        if setting.path != "cluster" { add("cluster: shop") }
        if !setting.path.hasPrefix("nodes") {
            add("nodes: [ { name: a, host: h }, { name: b, host: i } ]")
        }
        var indent = ""
        var words = setting.path.split(separator: ".").map(String.init)
        let key = words.removeLast().replacing("[]", with: "")
        for word in words {
            if word == "nodes[]" {
                add("nodes:")
                // A cascaded standby needs two others, one of them to be followed.
                if key == "upstream" {
                    path = setting.path.replacing("[]", with: "[2]")
                    add("  - { name: node1, host: i }")
                    add("  - { name: node2, host: j }")
                }
                add("  -")
                indent = "    "
                if key != "name" || words.count > 1 { add(indent + "name: a") }
                if key != "host" || words.count > 1 { add(indent + "host: h") }
            } else {
                add(indent + word + ":")
                indent += "  "
            }
        }
        // A part of a hook that has no shipped script needs its command.
        if words.count == 2, words[0] == "hooks", key != "command" { add(indent + "command: x") }
        add("\(indent)\(key)\(extra): \(value)")
        line = text.split(separator: "\n").count
        keyColumn = indent.count + 1
        valueColumn = keyColumn + key.count + extra.count + 2
    }

    private mutating func add(_ line: String) { text += line + "\n" }

    var problems: [String] {
        do {
            _ = try load(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    func problem(_ wrong: WrongValue) -> String {
        let place = "cluster.yaml:\(line):\(valueColumn + wrong.offset)"
        return "\(place): \(path)\(wrong.below): \(wrong.message)\n  next: \(wrong.hint)"
    }
}
