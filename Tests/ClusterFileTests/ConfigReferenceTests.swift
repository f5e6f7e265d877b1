import ClusterFile
import FailoverCore
import Foundation
import Testing

@Suite("Reference and template")
struct ConfigReferenceTests {
    @Test("The text lists every setting exactly once")
    func text() {
        let lines = ConfigReference.text.split(separator: "\n").map(String.init)
        for setting in Settings.all {
            #expect(lines.filter { $0 == setting.path }.count == 1, "\(setting.path)")
        }
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test("The markdown lists every setting exactly once")
    func markdown() {
        let lines = ConfigReference.markdown.split(separator: "\n")
        for setting in Settings.all {
            #expect(
                lines.filter { $0.hasPrefix("| `\(setting.path)` |") }.count == 1,
                "\(setting.path)")
        }
        #expect(lines.filter { $0.hasPrefix("| `") }.count == Settings.all.count)
    }

    /// `REWRITE=1 swift test --filter ConfigReferenceTests` writes the page; review the diff.
    @Test("docs/configuration.md is what the program prints")
    func page() throws {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = root.appending(path: "docs/configuration.md")
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            try Data(ConfigReference.markdown.utf8).write(to: page)
        }
        let written = try String(contentsOf: page, encoding: .utf8)
        #expect(written == ConfigReference.markdown, "run it with REWRITE=1 and review the diff")
    }

    @Test("The JSON has every setting, in order, with its documentation")
    func json() throws {
        struct Entry: Decodable {
            var path: String
            var documentation: String
            var required: Bool
            var unit: String?
        }
        let entries = try JSONDecoder().decode(
            [Entry].self, from: Data(ConfigReference.json.utf8))
        #expect(entries.map(\.path) == Settings.all.map(\.path))
        #expect(entries.allSatisfy { !$0.documentation.isEmpty })
        #expect(
            entries.filter(\.required).map(\.path)
                == ["cluster", "nodes", "nodes[].name", "nodes[].host"])
        #expect(entries.first { $0.path == "failover.confirm" }?.unit == "ms, s, min or h")
    }

    @Test("Paths are declared once, each in a declared group")
    func declaration() {
        let paths = Settings.all.map(\.path)
        #expect(Set(paths).count == paths.count)
        for setting in Settings.all where !setting.group.isEmpty {
            let group = setting.group
            let list = group.hasSuffix("[]") ? String(group.dropLast(2)) : group
            #expect(paths.contains(list), "\(setting.path)")
        }
    }

    @Test(
        "The default of the reference, written into the file, changes nothing",
        arguments: Settings.all, ["default", "fast", "patient"])
    func defaults(_ setting: Setting, _ profile: String) throws {
        let written: String
        switch setting.fallback {
        case .value(let text): written = text
        case .pattern(let text):
            written = text.replacing("<version>", with: "15").replacing("<cluster>", with: "shop")
                .replacing("<node>", with: "a")
        case .profile(let normal, let fast, let patient):
            written = ["default": normal, "fast": fast, "patient": patient][profile] ?? ""
        case .required, .none, .same, .counted: return
        }
        let head = setting.group == "failover" ? "" : "failover: { profile: \(profile) }\n"
        var with = SettingFile(setting, written).text
        var without = SettingFile(setting, "").text
        if setting.group == "failover", setting.name != "profile" {
            with += "  profile: \(profile)\n"
            without += "  profile: \(profile)\n"
        }
        let dropped = without.split(separator: "\n").filter { !$0.hasSuffix("\(setting.name): ") }
        #expect(
            try load(head + with).settings
                == load(head + dropped.joined(separator: "\n") + "\n").settings)
    }

    @Test("The template loads without warnings and has every default")
    func template() throws {
        let loaded = try load(ClusterTemplate.commented())
        #expect(loaded.warnings.isEmpty)
        let plain = try load(
            """
            cluster: shop
            nodes:
              - { name: node1, host: 10.0.0.1 }
              - { name: node2, host: 10.0.0.2 }
              - { name: node3, host: 10.0.0.3 }
            """)
        #expect(loaded.settings == plain.settings)
    }

    @Test("The template names every setting and loads with all of them uncommented")
    func templateUncommented() throws {
        let text = ClusterTemplate.commented()
        for setting in Settings.all where !setting.group.hasPrefix("hooks.") {
            #expect(
                text.split(separator: "\n").contains {
                    $0.drop { " #-".contains($0) }.hasPrefix("\(setting.name):")
                }, "\(setting.path)")
        }
        // The mapping form of a hook repeats its key.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let cut = lines.firstIndex { $0.contains("A hook with more than its command") } ?? 0
        let rest = lines[..<cut] + lines[cut...].drop { !$0.isEmpty }
        let uncommented = rest.map { line in
            let content = line.drop { $0 == " " }
            let isSetting = content.hasPrefix("#") && !content.hasPrefix("# ") && content.count > 1
            return isSetting ? line.prefix { $0 == " " } + content.dropFirst() : line
        }
        // Whoever follows a standby is not counted: the two may not stand together.
        let counted = uncommented.filter { !$0.contains("upstream:") }
        let cascaded = uncommented.filter { !$0.contains("replication_quorum:") }
        #expect(try load(cascaded.joined(separator: "\n")).settings.nodes[2].upstream == "node2")
        let loaded = try load(counted.joined(separator: "\n"))
        #expect(loaded.settings.scheduler.address == "10.0.0.9")
        #expect(loaded.settings.hooks.byName["clone_command"]?.command == "hooks/clone_command.sh")
    }

    @Test("The template takes other clusters and nodes")
    func otherTemplate() throws {
        let nodes = [
            ClusterTemplate.Node(name: "on", host: "fd00::1"),
            ClusterTemplate.Node(name: "b", host: "db-2.example.org"),
        ]
        let settings = try load(ClusterTemplate.commented(cluster: "yes", nodes: nodes)).settings
        #expect(settings.cluster == "yes")
        #expect(settings.nodes.map(\.id) == ["on", "b"])
        #expect(settings.nodes.map(\.host) == ["fd00::1", "db-2.example.org"])
    }

    @Test(
        "Durations are read as they are written",
        arguments: [
            ("0s", 0), ("500ms", 500), ("3s", 3_000), ("5min", 300_000), ("24h", 86_400_000),
        ])
    func durations(_ text: String, _ ms: Int64) {
        #expect(DurationText.parse(text) == ms)
        #expect(DurationText.render(ms) == text)
    }

    @Test(
        "Sizes are read as they are written",
        arguments: [("0B", 0), ("512kB", 512 << 10), ("16MB", 16 << 20), ("1GB", 1 << 30)])
    func sizes(_ text: String, _ bytes: Int64) {
        #expect(SizeText.parse(text) == bytes)
        #expect(SizeText.render(bytes) == text)
    }

    @Test(
        "What is no size is none",
        arguments: ["", "5", "MB", "-1MB", "1.5GB", "1 MB", "1mb", "1KB"])
    func noSizes(_ text: String) {
        #expect(SizeText.parse(text) == nil)
    }

    @Test(
        "What is no duration is none",
        arguments: ["", "5", "s", "-1s", "1.5s", "1 s", "1d", "٣s", "99999999999999999999h", "1S"])
    func noDurations(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }
}
