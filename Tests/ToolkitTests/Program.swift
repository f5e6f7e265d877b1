import Execution
import Foundation
import Testing

/// The built program, as a user runs it.
struct ToolkitProgram {
    struct Ending {
        var status: Int32
        var output: String
        var complaint: String
    }

    /// It lies beside the tests.
    static let path: String = {
        let here = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return URL(fileURLWithPath: here ?? "").deletingLastPathComponent().path + "/toolkit"
    }()

    /// Runs it in `folder` to its end.
    static func run(_ arguments: String..., in folder: String = "/tmp") async throws -> Ending {
        try await run(arguments, in: folder)
    }

    static func run(_ arguments: [String], in folder: String = "/tmp") async throws -> Ending {
        let result = try await LocalRunner().run(
            Command(
                ["/bin/sh", "-c", #"cd "$1" && shift && exec "$@""#, "sh", folder, path]
                    + arguments, timeout: .seconds(300), outputLimitBytes: 1 << 20))
        guard case .exited(let status) = result.ending else {
            Issue.record("\(arguments): \(result.ending)")
            return Ending(status: -1, output: result.output, complaint: result.errorOutput)
        }
        return Ending(status: status, output: result.output, complaint: result.errorOutput)
    }

    /// A folder that is gone afterwards.
    static func inFolder(_ body: (String) async throws -> Void) async throws {
        let folder = "/tmp/tk-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }
}
