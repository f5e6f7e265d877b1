import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks

/// One node with what is known of its machine: a survey, or why there is none.
struct NodeSurvey: Sendable {
    var node: NodeSettings
    var outcome: Result<Survey, ExecutionError>

    var survey: Survey? { try? outcome.get() }
}

extension Deployment {
    /// Looks at every node at once. `files` are asked for on each node, by their paths there.
    func surveys(
        files: @Sendable (NodeSettings) -> [String] = { _ in [] }
    ) async throws(DeploymentError) -> [NodeSurvey] {
        let script = try script("survey")
        let asked = settings.nodes.map { ($0, files($0)) }
        return await withTaskGroup(of: NodeSurvey.self) { group in
            for (node, files) in asked {
                group.addTask {
                    do throws(ExecutionError) {
                        let survey = try await look(at: node, with: script, files: files)
                        return NodeSurvey(node: node, outcome: .success(survey))
                    } catch {
                        return NodeSurvey(node: node, outcome: .failure(error))
                    }
                }
            }
            var found: [NodeID: NodeSurvey] = [:]
            for await survey in group { found[survey.node.id] = survey }
            return settings.nodes.compactMap { found[$0.id] }
        }
    }

    private func look(
        at node: NodeSettings, with script: [UInt8], files: [String]
    ) async throws(ExecutionError) -> Survey {
        let runner = runner(node)
        if let ssh = runner as? SSHRunner { try await ssh.connect() }
        let begin = Self.wallMs
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-s", "--"] + files, environment: environment(of: node),
                standardInput: script, timeout: .seconds(30), outputLimitBytes: 1 << 20))
        let middle = (begin + Self.wallMs) / 2
        guard result.isSuccess, let survey = Survey(output: result.output, clock: middle) else {
            throw ExecutionError(
                .notStarted, "cannot look at \(node.id) on \(runner.place)",
                because: result.because,
                next: "see that /bin/sh and GNU coreutils work for that user")
        }
        return survey
    }

    /// What the scripts of `hooks/deploy` know of their node.
    func environment(of node: NodeSettings) -> [String: String] {
        [
            "PGDATA": node.dataDirectory, "PGHOST": node.socketDirectory,
            "PGPORT": String(node.port), "PG_BINDIR": settings.postgresql.binDirectory,
            "TOOLKIT_CONFIG_DIR": node.configDirectory,
            "TOOLKIT_STATE_DIR": node.stateDirectory,
            "TOOLKIT_RUNTIME_DIR": node.runtimeDirectory,
        ]
    }

    /// A script of `hooks/deploy`, which a cluster can't replace.
    func script(_ name: String) throws(DeploymentError) -> [UInt8] {
        let path = "\(share.hooks)/deploy/\(name).sh"
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw DeploymentError(
                .files, "cannot read the script \(path)", because: error.localizedDescription,
                next: "restore the file, or set TOOLKIT_SHARE to the folder that holds hooks/")
        }
    }

    private static var wallMs: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}

extension CommandResult {
    /// How it ended and the last that it said, on one line.
    var because: String {
        let ended =
            switch ending {
            case .exited(let status): "it exited with \(status)"
            case .signaled(let signal): "it was ended by \(signal)"
            case .timedOut: "it took longer than allowed and was ended"
            }
        let said = (errorOutput.isEmpty ? output : errorOutput)
            .split(whereSeparator: \.isNewline).suffix(3)
            .map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "; ")
        return said.isEmpty ? ended : "\(ended): \(said)"
    }
}
