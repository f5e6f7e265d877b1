import Execution
import Foundation

/// Runs a rendered script with programs that only write down how they were called.
enum FakePrograms {
    struct Call {
        var arguments: [String] = []
        var environment: [String: String] = [:]
        var output = ""

        /// What follows each option of this name.
        func values(of option: String) -> [String] {
            arguments.indices.dropLast().filter { arguments[$0] == option }
                .map { arguments[$0 + 1] }
        }
    }

    /// The last call of `program` whose first argument is `first`. Its other calls succeed, but for
    /// looks at what may not exist.
    static func run(
        _ script: String, recording program: String, when first: String,
        environment: [String: String] = [:]
    ) async throws -> Call {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-fake-\(UUID().uuidString)")
        let bin = folder.appendingPathComponent("bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fake = """
            #!/bin/sh
            case "$*" in 'network '*) exit 0 ;; *inspect*) exit 1 ;; esac
            [ "$1" = \(first) ] || exit 0
            printf '%s\\0' "$@" >'\(folder.path)/arguments'
            env --null >'\(folder.path)/environment'
            """
        let file = bin.appendingPathComponent(program).path
        try Data(fake.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
        let tested = folder.appendingPathComponent("script").path
        try Data(script.utf8).write(to: URL(fileURLWithPath: tested))
        let result = try await LocalRunner().run(
            Command(
                ["/bin/sh", "-c", #"PATH=$0:$PATH exec sh "$1""#, bin.path, tested],
                environment: environment, timeout: .seconds(20)))
        guard result.isSuccess else {
            throw RenderedServer.Failure("the script failed: \(result.errorOutput)")
        }
        var call = Call()
        call.output = result.output
        call.arguments = words(folder.path + "/arguments")
        for word in words(folder.path + "/environment") {
            guard let equals = word.unicodeScalars.firstIndex(of: "=") else { continue }
            let name = String(word[..<equals])
            call.environment[name] = String(word.unicodeScalars[equals...].dropFirst())
        }
        return call
    }

    private static func words(_ path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return data.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }
    }
}

/// One line of CSV, as Docker reads the value of `--mount`.
enum CSV {
    static func fields(_ line: String) -> [String] {
        var fields: [String] = []
        var field = String.UnicodeScalarView()
        var isQuoted = false
        var rest = line.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"" where isQuoted && rest.first == "\"":
                rest.removeFirst()
                field.append("\"")
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                fields.append(String(field))
                field.removeAll()
            default: field.append(scalar)
            }
        }
        return fields + [String(field)]
    }
}
