public import ClusterFile
import Execution
import FailoverCore
import Foundation
public import Rendering

/// A file as it lies on a node.
public enum DeployedFile: Hashable, Sendable {
    case missing
    /// The SSH user may not read it, or it is no file.
    case unreadable
    /// The mode in octal.
    case present(mode: String, contents: [UInt8])
}

/// Files on one node: as they are, and as they have to be.
extension Deployment {
    /// The files at `paths`, in this order.
    public func deployed(
        _ paths: [String], on node: NodeSettings
    ) async throws(DeploymentError) -> [DeployedFile] {
        let script = try script("read-files")
        let result: CommandResult
        do throws(ExecutionError) {
            result = try await runner(node).run(
                Command(
                    ["/bin/sh", "-s", "--"] + paths, standardInput: script,
                    timeout: .seconds(30), outputLimitBytes: 8 << 20))
        } catch {
            throw DeploymentError(error, on: node)
        }
        let lines = result.output.split(separator: "\n")
        guard result.isSuccess, lines.count == paths.count + 1, lines.last == "end" else {
            throw DeploymentError(
                .node, "cannot read the files of \(node.id)", because: result.because,
                next: "see that /bin/sh and GNU coreutils work for that user")
        }
        return lines.dropLast().map(Self.file)
    }

    private static func file(_ line: Substring) -> DeployedFile {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        if words.count == 3, words[0] == "file", let data = Data(base64Encoded: String(words[2])) {
            return .present(mode: String(words[1]), contents: Array(data))
        }
        return line == "missing" ? .missing : .unreadable
    }

    /// Puts files into their places, each whole or as it was.
    public func put(
        _ files: [RenderedFile], on node: NodeSettings
    ) async throws(DeploymentError) {
        do throws(ExecutionError) {
            for file in files {
                try await runner(node).upload(
                    Array(file.contents.utf8), to: file.path, mode: UInt32(file.mode),
                    timeout: .seconds(30))
            }
        } catch {
            throw DeploymentError(error, on: node)
        }
    }

    /// Lets the node's own PostgreSQL read a postgresql.conf beside the one in use. Gives the values
    /// of `names` that it would start with. No server has to run, nor has there to be any data.
    public func values(
        of names: [String], in file: RenderedFile, on node: NodeSettings
    ) async throws(DeploymentError) -> [String: String] {
        var tested = file
        tested.path += ".tested"
        try await put([tested], on: node)
        return try await values(
            of: names, inFileAt: tested.path, thenRemoved: true, on: node,
            "cannot use the new postgresql.conf on \(node.id); nothing was changed")
    }

    /// The same of the postgresql.conf that lies on the node.
    public func values(
        of names: [String], on node: NodeSettings
    ) async throws(DeploymentError) -> [String: String] {
        try await values(
            of: names, inFileAt: node.configDirectory + "/postgresql.conf", thenRemoved: false,
            on: node, "cannot use the postgresql.conf of \(node.id)")
    }

    private func values(
        of names: [String], inFileAt path: String, thenRemoved: Bool, on node: NodeSettings,
        _ complaint: String
    ) async throws(DeploymentError) -> [String: String] {
        // One process for each: `-C` takes one name, and more than a few are never asked for. Any folder
        // that exists will do for -D.
        let script = """
            program=$1 file=$2 removed=$3
            if [ "$removed" = true ]; then trap 'rm -f -- "$file"' EXIT; fi
            shift 3
            data=$PGDATA
            if [ ! -d "$data" ]; then data=${file%/*}; fi
            for name; do
                value=$("$program" -C "$name" -D "$data" -c "config_file=$file")
                printf '%s=%s\\n' "$name" "$value"
            done
            """
        let runner = try serverRunner(node, .look)
        let result: CommandResult
        do throws(ExecutionError) {
            result = try await runner.run(
                Command(
                    [
                        "/bin/sh", "-euc", script, "sh",
                        "\(settings.postgresql.binDirectory)/postgres", path, String(thenRemoved),
                    ] + names, environment: environment(of: node), timeout: .seconds(60)))
        } catch {
            throw DeploymentError(error, on: node)
        }
        guard result.isSuccess else {
            throw DeploymentError(
                .node, complaint, because: result.because,
                next: "correct cluster.yaml or the template")
        }
        var values: [String: String] = [:]
        for line in result.output.split(separator: "\n") {
            let halves = line.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if halves.count == 2 { values[String(halves[0])] = String(halves[1]) }
        }
        return values
    }
}
