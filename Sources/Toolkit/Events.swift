import ArgumentParser
import FailoverCore
import Scheduler
import Store

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what happened, and which rule decided it.",
        discussion: "Oldest first. Reads the store: a scheduler need not run.")

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Go on with what happens from here on.") var follow = false
    @Option(help: "How many of the newest to print.") var limit = 50
    @Flag(help: "One JSON object per line.") var json = false

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit is 0 or more.") }
    }

    func run() async throws {
        let settings = try options.settings()
        let store = try await SQLiteStore.openReadOnly(path: SchedulerPaths(settings).store)
        let newest = try await store.newestEvents(max(limit, 1))
        for event in newest.suffix(limit) { say(event) }
        var last = newest.last?.id
        while follow {
            try await Task.sleep(for: .milliseconds(250))
            for event in try await store.events(after: last, limit: 500, newestFirst: false) {
                say(event)
                last = event.id
            }
        }
    }

    private func say(_ event: EventRecord) {
        json ? Console.say(json: event, isOnOneLine: true) : Console.say(Console.line(of: event))
    }
}
