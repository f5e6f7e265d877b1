import Execution
import Foundation

@testable import ToolkitTesting

/// A Debian with nothing but systemd and sshd, by debootstrap: made once for a test run, in minutes.
enum DebianTree {
    static let isWanted = ProcessInfo.processInfo.environment["TOOLKIT_FRESH"] == "full"
    static let canBeMade = FileManager.default.isExecutableFile(atPath: "/usr/sbin/debootstrap")

    static func with(_ body: (String) async throws -> Void) async throws {
        // On disk: an overlay's lower layer, and too large for memory.
        let tree = "/var/tmp/fresh-\(UUID().uuidString.prefix(8))"
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("tree.sh").path
        do {
            let made = try await LocalRunner().run(
                Command(
                    ["sh", script, tree, String(FreshCluster.major)], timeout: .seconds(1_500)))
            guard made.isSuccess else {
                throw FreshMachines.Failure(
                    "no tree: \(made.ending) \(made.output.suffix(2_000))\(made.errorOutput)")
            }
            try await body(tree)
        } catch {
            await remove(tree)
            throw error
        }
        await remove(tree)
    }

    private static func remove(_ tree: String) async {
        _ = try? await LocalRunner().run(
            Command(["rm", "-rf", "--one-file-system", tree], timeout: .seconds(120)))
    }
}
