import ArgumentParser
import ClusterFile
import Deployment
import FailoverCore

struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check cluster.yaml and the machines of its nodes.",
        discussion: """
            Changes nothing. Looks at SSH, PostgreSQL's version and programs, folders, free space \
            and the running servers, on all nodes at once. Ends with 2 when a check fails.
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Read cluster.yaml only; ask no machine.") var offline = false
    @Flag(help: "As JSON.") var json = false
    @Flag(help: "One line and 0, 1, 2 or 3, for monitoring.") var nagios = false

    func validate() throws {
        if json, nagios { throw ValidationError("Choose --json or --nagios.") }
    }

    func run() async throws {
        do {
            let loaded = try options.load()
            let results = try await results(of: loaded)
            nagios ? try report(forNagios: results) : try report(results)
        } catch  where nagios && !(error is ExitCode) {
            let because = Failure(error)?.text.split(separator: "\n").first ?? "unknown"
            Console.say("TOOLKIT UNKNOWN - \(because)")
            throw ExitCode(3)
        }
    }

    private func results(of loaded: ClusterFile.Loaded) async throws -> [CheckResult] {
        let file = (loaded.warnings + loaded.notes).map { finding in
            CheckResult(
                nil, "cluster.yaml", finding.level == .note ? .ok : .warning,
                found: (finding.position.map { "\($0): " } ?? "") + finding.message,
                next: finding.hint)
        }
        let valid = file.isEmpty ? [CheckResult(nil, "cluster.yaml", found: "valid")] : file
        guard !offline else { return valid }
        let settings = loaded.settings
        let stored = try await settings.storedCluster()
        let deployment = try settings.deployment
        return valid
            + (await deployment.check(systemIdentifier: stored?.systemIdentifier))
    }

    private func report(_ results: [CheckResult]) throws {
        if json {
            Console.say(json: results)
        } else {
            Console.say(CheckReport(results: results).text(isColoured: Console.isTerminal))
        }
        if results.contains(where: { $0.status == .failed }) { throw ExitStatus.degraded }
    }

    private func report(forNagios results: [CheckResult]) throws {
        let report = CheckReport(results: results)
        Console.say(report.nagiosLine)
        guard report.worst == .ok else { throw ExitCode(report.worst == .failed ? 2 : 1) }
    }
}

/// What was found, for a terminal and for monitoring.
struct CheckReport {
    var results: [CheckResult]

    var worst: CheckResult.Status { results.map(\.status).max() ?? .ok }

    func text(isColoured: Bool) -> String {
        var table = Table(["NODE", "CHECK", "STATUS", "FOUND"])
        for result in results {
            table.add([
                .init(result.node?.rawValue ?? "-"), .init(result.name),
                .init(result.status.rawValue, colour(result.status)), .init(result.found),
            ])
        }
        let advice = results.filter { $0.status != .ok && !$0.next.isEmpty }.map {
            "\($0.node.map { "\($0) " } ?? "")\($0.name): \($0.found.onOneLine)\n"
                + "  next: \($0.next.onOneLine)"
        }
        return ([table.text(isColoured: isColoured)] + (advice.isEmpty ? [] : [""] + advice))
            .joined(separator: "\n")
    }

    var nagiosLine: String {
        let word = worst == .failed ? "CRITICAL" : worst == .warning ? "WARNING" : "OK"
        let bad = results.filter { $0.status != .ok }.sorted { $0.status > $1.status }
        guard let first = bad.first else { return "TOOLKIT OK - \(results.count) checks" }
        let more = bad.count > 1 ? " (and \(bad.count - 1) more)" : ""
        let place = first.node.map { "\($0) " } ?? ""
        return "TOOLKIT \(word) - \(place)\(first.name): \(first.found.onOneLine)\(more)"
    }

    private func colour(_ status: CheckResult.Status) -> Table.Colour {
        switch status {
        case .ok: .green
        case .warning: .yellow
        case .failed: .red
        }
    }
}
