import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks
import Quotation

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
        let script = try script("unfinished") + script("survey")
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

    /// Connects to every machine.
    func logIn() async {
        await withTaskGroup(of: Void.self) { group in
            for node in settings.nodes {
                guard let ssh = runner(node) as? SSHRunner else { continue }
                group.addTask { try? await ssh.connect() }
            }
        }
    }

    private func look(
        at node: NodeSettings, with script: [UInt8], files: [String]
    ) async throws(ExecutionError) -> Survey {
        let runner = runner(node)
        if let ssh = runner as? SSHRunner { try await ssh.connect() }
        let begin = Self.wallMs
        var output = try await survey(node, via: runner, with: script, files: files)
        let middle = (begin + Self.wallMs) / 2
        if node.docker != nil {
            // Where Docker or the image is missing there is nothing more to see, and a check says so.
            let inside = try? await survey(
                node, via: serverRunner(node, .look), with: script, of: "server")
            output = (inside ?? "") + output
        }
        guard let survey = Survey(output: output, clock: middle) else {
            throw unseen(node, runner, because: "its answer was cut off")
        }
        return survey
    }

    private func survey(
        _ node: NodeSettings, via runner: any CommandRunner, with script: [UInt8],
        of part: String? = nil, files: [String] = []
    ) async throws(ExecutionError) -> String {
        var environment = environment(of: node)
        environment["TOOLKIT_PART"] = part ?? (node.docker == nil ? "all" : "machine")
        let result = try await runner.run(
            Command(
                ["/bin/sh", "-s", "--"] + files, environment: environment,
                standardInput: script, timeout: .seconds(30), outputLimitBytes: 1 << 20))
        guard result.isSuccess else { throw unseen(node, runner, because: result.because) }
        return result.output
    }

    private func unseen(
        _ node: NodeSettings, _ runner: any CommandRunner, because: String
    ) -> ExecutionError {
        ExecutionError(
            .notStarted, "cannot look at \(node.id) on \(runner.place)", because: because,
            next: "see that /bin/sh and GNU coreutils work for that user")
    }

    /// What the scripts of `hooks/deploy` know of their node.
    func environment(of node: NodeSettings) -> [String: String] {
        let plain = [
            "PGDATA": node.dataDirectory, "PGHOST": node.socketDirectory,
            "PGPORT": String(node.port), "PG_BINDIR": settings.postgresql.binDirectory,
            "TOOLKIT_CONFIG_DIR": node.configDirectory,
            "TOOLKIT_STATE_DIR": node.stateDirectory,
            "TOOLKIT_RUNTIME_DIR": node.runtimeDirectory,
            "TOOLKIT_SERVICE": node.service ?? "",
            "TOOLKIT_NODES": settings.nodes.map(\.id.rawValue).joined(separator: " "),
        ]
        guard let docker = node.docker else { return plain }
        return plain.merging([
            "TOOLKIT_CONTAINER": docker.container, "TOOLKIT_VOLUME": docker.volume,
            "TOOLKIT_IMAGE": docker.image, "TOOLKIT_NETWORK": docker.network,
            "TOOLKIT_VOLUME_MOUNT": Quoting.dockerMount("volume", docker.volume, docker.mount),
        ]) { $1 }
    }

    /// A script of `hooks/deploy` or `hooks/lib`, as it is shipped: a cluster can't replace it.
    func script(_ name: String, in folder: String = "deploy") throws(DeploymentError) -> [UInt8] {
        let path = "\(share.hooks)/\(folder)/\(name).sh"
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
