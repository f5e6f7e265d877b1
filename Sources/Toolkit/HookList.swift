import ArgumentParser
import ClusterFile
import Hooks

struct HookList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what runs where, from which file, with which deadline.")

    @OptionGroup var options: ClusterOptions
    @Flag(help: "As JSON.") var json = false

    func run() throws {
        let settings = try options.settings()
        let scripts = try settings.hookScripts()
        let rows = HookCatalogue.all.map { HookRow($0, settings, scripts) }
        guard !json else { return Console.say(json: rows) }
        var table = Table(["HOOK", "RUNS ON", "WHEN", "DEADLINE", "COMMAND"])
        for row in rows {
            for path in row.dropIns where HookScripts.isBefore(path) {
                table.add(["  before", "", "", "", path])
            }
            let deadline = DurationText.render(Int64(row.deadlineSeconds) * 1000)
            table.add([row.hook, row.runsOn, row.when, deadline, row.command])
            for path in row.dropIns where !HookScripts.isBefore(path) {
                table.add(["  after", "", "", "", path])
            }
        }
        Console.say(table.text(isColoured: false))
    }
}

/// A hook as this cluster runs it.
struct HookRow: Encodable {
    var hook: String
    var runsOn: String
    var when: String
    var leaves: String
    var deadlineSeconds: Int
    var command: String
    var dropIns: [String]

    init(_ entry: HookCatalogue.Entry, _ settings: ClusterSettings, _ scripts: HookScripts) {
        hook = entry.setting
        let isMoved = HookCatalogue.place(of: entry.hook, in: settings) != entry.place
        runsOn = isMoved ? "the scheduler" : entry.runsOn
        when = entry.when
        leaves = entry.leaves
        deadlineSeconds = HookEnvironment(settings: settings).timeoutSeconds(of: entry.hook)
        dropIns = scripts.dropIns(of: entry.hook)
        command =
            switch scripts.command(for: entry.hook) {
            case .file(let path): path
            case .inline(let text): text
            case .none: "-"
            case .missing(let path): "missing: \(path)"
            }
    }
}
