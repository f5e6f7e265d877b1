import Execution
import Foundation
import Glibc
import Testing

@testable import ToolkitTesting

/// A registry of the tests' own beside an engine's daemon, on the loopback of its machine.
struct DockerRegistry {
    static let program = "/usr/bin/docker-registry"
    private static let address = "127.0.0.1:5000"

    let engine: DockerEngine

    static func with(
        _ engine: DockerEngine, _ body: (DockerRegistry) async throws -> Void
    ) async throws {
        let file = engine.folder + "/registry.yaml"
        let text = """
            version: 0.1
            storage: { filesystem: { rootdirectory: \(engine.folder)/registry } }
            http: { addr: "\(address)" }
            """
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let server = try engine.startBeside([program, "serve", file])
        do {
            try await body(DockerRegistry(engine: engine))
        } catch {
            await end(server)
            throw error
        }
        await end(server)
    }

    private static func end(_ server: ChildProcess) async {
        kill(server.pid, SIGTERM)
        await Task.detached { _ = await server.ended(before: .now + .seconds(10)) }.value
    }

    /// Puts an image there and forgets it here; returns its name by digest.
    func push(_ image: String) async throws -> String {
        let name = "\(Self.address)/postgres"
        try await engine.docker("tag", image, "\(name):15")
        try await until("the registry takes the image") {
            try await engine.docker("push", "--quiet", "\(name):15", succeeds: false).isSuccess
        }
        let digest = try await engine.docker(
            "inspect", "--format", "{{index .RepoDigests 0}}", "\(name):15")
        // A name of the same digest would do for the image.
        try await engine.docker("rmi", "\(name):15")
        return digest.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
