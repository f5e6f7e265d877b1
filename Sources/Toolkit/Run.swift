import ArgumentParser
import Logging
import Scheduler

struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the scheduler in the foreground.",
        discussion: """
            Watches the nodes and decides, until SIGTERM or Ctrl-C. The cluster goes on without \
            it; it goes on where it was when it is started again. One runs per cluster.
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Log every command and probe, too.") var verbose = false

    func run() async throws {
        let settings = try options.settings()
        var logger = Logger(label: "toolkit") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose ? .debug : .info
        try await SchedulerDaemon.run(settings, logger: logger)
    }
}
