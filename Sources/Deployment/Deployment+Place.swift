import ClusterFile
import Execution
import FailoverCore
import Foundation
import Hooks
import Rendering

/// Puts folders and files in place, on all nodes at once.
extension Deployment {
    func place(_ nodes: [NodeWork], _ log: ChangeLog) async throws(DeploymentError) {
        let failures = await withTaskGroup(of: DeploymentError?.self) { group in
            for work in nodes where !work.isNothing {
                group.addTask {
                    do throws(DeploymentError) {
                        try await place(work, log)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var failures: [DeploymentError] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        if let failure = failures.first { throw failure }
    }

    private func place(_ work: NodeWork, _ log: ChangeLog) async throws(DeploymentError) {
        let node = work.node
        // A server of another set-up does not read these, and may not be ready to read its own again.
        let isRead =
            work.survey.postmaster != nil && !work.survey.runsOnItsOwn
            && work.uploads.contains { $0.kind == .configuration }
        let paths = work.uploads.filter { $0.kind == .configuration }.map(\.path)
        let before = isRead ? try await deployed(paths, on: node) : []
        try await putFiles(of: work)
        for folder in work.folders { await log.add(node.id, "made \(folder)") }
        for file in work.uploads { await log.add(node.id, "wrote \(file.path)") }
        if work.isUnsealed { try await seal(work, log) }
        if work.isWithoutContainer {
            try await run(
                [node.configDirectory + "/docker-run.sh", "create"], on: node,
                "make the container of \(node.id)")
            await log.add(node.id, "made the container \(node.docker?.container ?? "")")
        }
        guard isRead else { return }
        if !work.survey.isServerSilent {
            try await takeBackWhatIsFaulty(Array(zip(paths, before)), on: node)
        }
        try await run(
            [settings.postgresql.binDirectory + "/pg_ctl", "reload", "-D", node.dataDirectory],
            on: node, "reload PostgreSQL on \(node.id)", inside: .look)
        await log.add(node.id, "reloaded PostgreSQL")
    }

    /// In one command: one for each file would cost a round trip and a flush each.
    private func putFiles(of work: NodeWork) async throws(DeploymentError) {
        let node = work.node
        var folders = [node.configDirectory, node.runtimeDirectory]
        folders += NodePrograms.folders(on: node)
        if work.survey.data == .missing, node.docker == nil {
            folders.append(parent(of: node.dataDirectory))
        }
        if let file = work.uploads.first(where: { $0.contents.contains(0) }) {
            throw DeploymentError(
                .files, "cannot write \(file.path) on \(node.id)", because: "it holds a NUL byte",
                next: "correct its template, then deploy again")
        }
        let parents = Set(work.uploads.map { parent(of: $0.path) }).sorted()
        var input = Array("with_folders() { \"$@\" \(words(parents)); }\n".utf8)
        input += try script("place")
        input += folders.flatMap { Array("folder \(ShellWord.quote($0))\n".utf8) }
        if !parents.isEmpty { input += Array("with_folders begin\n".utf8) }
        for file in work.uploads {
            input += Array("file \(ShellWord.quote(file.path)) ".utf8)
            input += ShellWord.quote(file.contents) + Array("\n".utf8)
        }
        for (mode, files) in Dictionary(grouping: work.uploads, by: \.mode) where mode != 0o600 {
            input += Array("mode 0\(String(mode, radix: 8)) \(words(files.map(\.path)))\n".utf8)
        }
        if !parents.isEmpty { input += Array("with_folders placed\n".utf8) }
        try await run(
            ["/bin/sh", "-s"], on: node, "put the files of \(node.id) in place", input: input,
            next: "make room there, or make the folder as root for the owner of PostgreSQL")
    }

    private func words(_ paths: [String]) -> String {
        paths.map { ShellWord.quote($0) }.joined(separator: " ")
    }

    private func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The first node.conf: locked, no upstream. A node without one does not start.
    private func seal(_ work: NodeWork, _ log: ChangeLog) async throws(DeploymentError) {
        let node = work.node
        try await lock(node, under: work.stampWhenPlaced, then: "deploy again")
        await log.add(node.id, "locked and sealed")
    }

    /// A node.conf that locks the node and names no upstream, under this stamp; its opening is gone.
    func lock(
        _ node: NodeSettings, under stamp: Stamp, then next: String
    ) async throws(DeploymentError) {
        try await apply(to: node, under: stamp, "lock \(node.id)", then: next)
    }

    /// Writes node.conf, locked, and the opening by the node's own program.
    func apply(
        to node: NodeSettings, under stamp: Stamp, upstream: NodeFiles.Upstream? = nil,
        opening: NodeRequest.Opening = .removed, _ what: String, then next: String
    ) async throws(DeploymentError) {
        let text: String
        do {
            text = try NodeFiles.nodeConf(
                stamp: stamp, upstream: upstream, postgresMajor: settings.postgresql.version)
        } catch {
            throw DeploymentError(
                .files, "cannot write node.conf of \(node.id)", because: "\(error)",
                next: "correct the setting in cluster.yaml")
        }
        let outcome = await NodeApply(timeout: .seconds(20)).apply(
            NodeRequest(stamp: stamp, nodeConf: text, opening: opening), on: node,
            via: runner(node))
        guard case .applied = outcome else {
            throw DeploymentError(
                .node, "cannot \(what)", because: outcome.because,
                next: "look at \(node.stateDirectory) on it, then \(next)")
        }
    }

    /// Runs a command that has to succeed: on the node's machine, or where its server runs.
    @discardableResult
    func run(
        _ arguments: [String], on node: NodeSettings, _ what: String,
        inside purpose: ContainerRunner.Purpose? = nil,
        environment: [String: String] = [:], input: [UInt8] = [],
        timeout: Duration = .seconds(60), next: String? = nil
    ) async throws(DeploymentError) -> String {
        let runner = try purpose.map { (purpose) throws(DeploymentError) in
            try serverRunner(node, purpose)
        }
        let result: CommandResult
        do throws(ExecutionError) {
            result = try await (runner ?? self.runner(node)).run(
                Command(
                    arguments, environment: environment, standardInput: input, timeout: timeout))
        } catch {
            throw DeploymentError(error, on: node)
        }
        guard result.isSuccess else {
            throw DeploymentError(
                .node, "cannot \(what)", because: result.because,
                next: next
                    ?? "look into PostgreSQL's log on \(node.id), then deploy again: it goes on "
                    + "where it was")
        }
        return result.output
    }
}

extension DeploymentError {
    init(_ error: ExecutionError, on node: NodeSettings) {
        self.init(
            .node, "\(node.id): \(error.subject)", because: error.because, next: error.next)
    }
}

extension NodeApply.Outcome {
    var because: String {
        switch self {
        case .applied: "it was done"
        case .stale: "it has accepted a higher term or step: another scheduler is at work"
        case .tryAgain: "its lock is held"
        case .failed(let status, let output): "node-apply exited with \(status): \(output)"
        case .unknown(let span): "node-apply did not answer within \(span)"
        case .notStarted(let error): error.because
        }
    }
}
