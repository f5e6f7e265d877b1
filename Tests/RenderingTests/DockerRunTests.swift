import ClusterFile
import Execution
import Foundation
import Rendering
import Testing

/// docker-run.sh with a Docker that keeps containers and volumes as files, and a log of its calls.
@Suite("docker-run.sh")
struct DockerRunTests {
    private struct Bench {
        let folder: URL
        var log: [String] {
            let text = try? String(
                contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
            return (text ?? "").split(separator: "\n").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }

        /// Name and state of each container.
        var containers: [String: String] {
            let names = try? FileManager.default.contentsOfDirectory(
                atPath: folder.appendingPathComponent("containers").path)
            var found: [String: String] = [:]
            for name in names ?? [] {
                let file = folder.appendingPathComponent("containers/\(name)")
                found[name] = (try? String(contentsOf: file, encoding: .utf8))?
                    .split(separator: " ").first.map(String.init)
            }
            return found
        }

        func run(
            _ script: String, _ argument: String = "", failingAt verb: String = "never"
        ) async throws -> CommandResult {
            let path = folder.appendingPathComponent("docker-run.sh").path
            try Data(script.utf8).write(to: URL(fileURLWithPath: path))
            try Data().write(to: folder.appendingPathComponent("log"))
            return try await LocalRunner().run(
                Command(
                    [
                        "/bin/sh", "-c", #"PATH=$0:$PATH exec sh "$1" $2"#, folder.path + "/bin",
                        path, argument,
                    ],
                    environment: ["BENCH": folder.path, "FAIL": verb], timeout: .seconds(20)))
        }
    }

    /// A container's file holds its state and the label that tells its definition.
    private static let docker = #"""
        #!/bin/sh
        set -eu
        cd "$BENCH"
        verb=$1
        printf '%s\n' "$(echo "$*" | tr '\n' ' ')" >>log
        [ "$verb" != "$FAIL" ] || exit 1
        case $verb in
            ps)
                name=${5#name=^/} label=${7#label=io.toolkit.definition=}
                name=${name%\$}
                [ ! -e "containers/$name" ] || ! grep -q " $label\$" "containers/$name" || echo id
                ;;
            container) [ -e "containers/$3" ] ;;
            volume) if [ "$2" = inspect ]; then [ -e "volumes/$3" ]; else : >"volumes/$3"; fi ;;
            network) [ -e "networks/$3" ] ;;
            run) ;;
            create)
                name=$3 label=''
                for word; do case $word in io.toolkit.definition=*) label=${word#*=} ;; esac; done
                [ ! -e "containers/$name" ]
                echo "created $label" >"containers/$name"
                ;;
            start | stop)
                for name; do :; done
                read -r _ label <"containers/$name"
                echo "$([ "$verb" = start ] && echo running || echo stopped) $label" >"containers/$name"
                ;;
            rename) [ ! -e "containers/$3" ] && mv "containers/$2" "containers/$3" ;;
            rm) grep -qv '^running' "containers/$2" && rm "containers/$2" ;;
            *) exit 64 ;;
        esac
        """#

    private static func withBench(_ body: (Bench) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-docker-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["bin", "containers", "volumes", "networks"] {
            try FileManager.default.createDirectory(
                at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        let program = folder.appendingPathComponent("bin/docker").path
        try Data(docker.utf8).write(to: URL(fileURLWithPath: program))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        // The owner may not exist on this machine.
        let id = folder.appendingPathComponent("bin/id").path
        try Data("#!/bin/sh\necho 999\n".utf8).write(to: URL(fileURLWithPath: id))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: id)
        try await body(Bench(folder: folder))
    }

    private static func script(
        _ image: String = "postgres:17.6", network: String = "host"
    ) throws -> String {
        var settings = ClusterSettings.docker()
        settings.nodes[0].docker?.image = image
        settings.nodes[0].docker?.network = network
        let renderer = Renderer(settings: settings, templates: Checkout.templates)
        let entry = try #require(Catalogue.entry(named: "docker-run.sh"))
        return try #require(renderer.render([entry], for: settings.nodes[0]).files.first).contents
    }

    private static func verbs(_ log: [String]) -> [String] {
        log.compactMap { $0.split(separator: " ").first.map(String.init) }
            .filter { !["ps", "container"].contains($0) }
    }

    private static let name = "toolkit-shop-node1"

    @Test func theSecondRunStartsAndNothingElse() async throws {
        try await Self.withBench { bench in
            let first = try await bench.run(Self.script())
            #expect(first.isSuccess, "\(first.errorOutput) \(bench.log)")
            #expect(bench.containers == [Self.name: "running"])
            #expect(
                Self.verbs(bench.log) == ["volume", "volume", "run", "create", "rename", "start"])
            let second = try await bench.run(Self.script())
            #expect(second.output == "\(Self.name) is as it should be\n")
            #expect(Self.verbs(bench.log) == ["start"])
        }
    }

    @Test func createMakesAMissingContainerAndTouchesNoOther() async throws {
        try await Self.withBench { bench in
            let made = try await bench.run(Self.script(), "create")
            #expect(made.isSuccess, "\(made.errorOutput) \(bench.log)")
            #expect(bench.containers == [Self.name: "created"])
            _ = try await bench.run(Self.script())
            let again = try await bench.run(Self.script("postgres:17.7"), "create")
            #expect(again.output == "\(Self.name) is there\n")
            #expect(bench.containers == [Self.name: "running"])
        }
    }

    @Test func anotherDefinitionReplacesTheContainerAndKeepsTheVolume() async throws {
        try await Self.withBench { bench in
            _ = try await bench.run(Self.script())
            let next = try await bench.run(Self.script("postgres:17.7"))
            #expect(next.isSuccess, "\(next.errorOutput) \(bench.log)")
            #expect(bench.containers == [Self.name: "running"])
            #expect(
                Self.verbs(bench.log) == [
                    "volume", "run", "create", "stop", "rm", "rename", "start",
                ])
            #expect(bench.log.contains("rm \(Self.name)"), "no volume is removed with it")
            #expect(!bench.log.contains { $0.hasPrefix("volume") && !$0.contains("inspect") })
        }
    }

    @Test func aMissingNetworkStopsNothing() async throws {
        try await Self.withBench { bench in
            _ = try await bench.run(Self.script())
            let refused = try await bench.run(Self.script(network: "pg"))
            #expect(!refused.isSuccess)
            #expect(bench.containers == [Self.name: "running"])
            try Data().write(to: bench.folder.appendingPathComponent("networks/pg"))
            let moved = try await bench.run(Self.script(network: "pg"))
            #expect(moved.isSuccess, "\(moved.errorOutput) \(bench.log)")
            #expect(Self.verbs(bench.log).suffix(3) == ["rm", "rename", "start"])
        }
    }

    @Test(
        "An interrupted run is gone on with, and never leaves the old one stopped for a bad new one",
        arguments: ["create", "stop", "rm", "rename", "start"])
    func interrupted(_ verb: String) async throws {
        try await Self.withBench { bench in
            _ = try await bench.run(Self.script())
            let broken = try await bench.run(Self.script("postgres:17.7"), failingAt: verb)
            #expect(!broken.isSuccess)
            if verb == "create" || verb == "stop" {
                #expect(bench.containers[Self.name] == "running")
            }
            let again = try await bench.run(Self.script("postgres:17.7"))
            #expect(again.isSuccess, "\(again.errorOutput) \(bench.log)")
            #expect(bench.containers == [Self.name: "running"])
        }
    }
}
