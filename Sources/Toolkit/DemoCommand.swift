import ArgumentParser
import ClusterFile
import Demo
import Dispatch
import Foundation

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Break three real nodes on this machine and mend them.",
        discussion: """
            Brings up three PostgreSQL nodes, kills the primary under load, shows the failover, \
            brings the old primary back, switches back and reports. Exits 0 only if all of it \
            really happened and no acknowledged row is lost. Leaves no process and no folder.
            """)

    @Flag(help: "Run hooks as local processes instead of over SSH.")
    var local = false
    @Option(help: ArgumentHelp("How often a primary is killed and brought back.", valueName: "n"))
    var `repeat` = 1
    @Flag(help: "Print the report as JSON; progress goes to standard error.")
    var json = false
    @Flag(help: "Leave the cluster running, and say how to use it.")
    var keep = false

    func validate() throws {
        guard (1...100).contains(`repeat`) else {
            throw ValidationError("--repeat takes a number from 1 to 100")
        }
    }

    func run() async throws {
        let options = DemoOptions(isLocal: local, repeats: `repeat`, keeps: keep)
        let toError = json
        let share = try ShareFolder.find()
        let story = Task {
            try await Demo.run(options, share: share) { line in
                let handle = toError ? FileHandle.standardError : .standardOutput
                try? handle.write(contentsOf: Data((line + "\n").utf8))
            }
        }
        let signals = Self.cancel(story, on: [SIGINT, SIGTERM, SIGHUP])
        defer { for source in signals { source.cancel() } }
        switch await story.result {
        case .success(let report): try close(report)
        case .failure where story.isCancelled:
            try? FileHandle.standardError.write(
                contentsOf: Data("stopped; nothing is left behind\n".utf8))
            // 128 + SIGINT, as a shell reports it.
            throw ExitCode(130)
        case .failure(let error):
            try? FileHandle.standardError.write(contentsOf: Data("\(error)\n".utf8))
            throw ExitCode(1)
        }
    }

    private func close(_ report: DemoReport) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try FileHandle.standardOutput.write(
                contentsOf: encoder.encode(report) + Data("\n".utf8))
        } else {
            try FileHandle.standardOutput.write(contentsOf: Data(report.text.utf8))
        }
        if !report.isSuccess { throw ExitCode(1) }
    }

    private static func cancel(
        _ story: Task<DemoReport, any Error>, on numbers: [Int32]
    ) -> [any DispatchSourceSignal] {
        numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { story.cancel() }
            source.resume()
            return source
        }
    }
}
