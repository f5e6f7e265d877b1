import Execution
import Foundation
import Glibc
import Testing

/// A unit as systemd itself has read it: the dump that `systemd-analyze verify` makes for debugging.
struct SystemdUnit {
    /// Program and arguments of each line, `$$` read as the service would see it.
    var commands: [[String]] = []
    /// Paths, `!` first where it stands there; in the order of the file.
    var asserts: [String] = []
    var complaint = ""

    static let isHere = access("/usr/bin/systemd-analyze", X_OK) == 0

    /// `dropIn` lies in the unit's `.d` folder.
    init(_ text: String, dropIn: String? = nil) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tk-unit-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("tested.service")
        try Data(text.utf8).write(to: file)
        if let dropIn {
            let below = folder.appendingPathComponent("tested.service.d")
            try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)
            try Data(dropIn.utf8).write(to: below.appendingPathComponent("toolkit.conf"))
        }
        let result = try await LocalRunner().run(
            Command(
                [
                    "/usr/bin/systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                    file.path,
                ],
                environment: ["SYSTEMD_LOG_LEVEL": "debug", "LC_ALL": "C.UTF-8"],
                timeout: .seconds(30), outputLimitBytes: 4 << 20))
        for line in result.output.split(separator: "\n") {
            let content = line.drop { $0 == "\t" }
            if content.hasPrefix("Command Line: ") {
                commands.append(Self.words(content.dropFirst("Command Line: ".count)))
            } else if content.hasPrefix("AssertPathExists: ") {
                let value = content.dropFirst("AssertPathExists: ".count)
                // systemd keeps the last one first.
                asserts.insert(String(value.dropLast(" untested".count)), at: 0)
            }
        }
        complaint = result.errorOutput
    }

    /// systemd takes doubled slashes out of paths.
    static func simplified(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: true).joined(separator: "/")
    }

    /// The dump quotes as a shell would: what is not plain stands in double quotes with backslashes,
    /// or in `$'…'`.
    private static func words(_ text: Substring) -> [String] {
        var words: [String] = []
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            if bytes.first == UInt8(ascii: " ") {
                bytes.removeFirst()
                continue
            }
            var word: [UInt8] = []
            if bytes.starts(with: "\"".utf8) {
                bytes.removeFirst()
                while let byte = bytes.popFirst(), byte != UInt8(ascii: "\"") {
                    word += byte == UInt8(ascii: "\\") ? escaped(&bytes) : [byte]
                }
            } else if bytes.starts(with: "$'".utf8) {
                bytes.removeFirst(2)
                while let byte = bytes.popFirst(), byte != UInt8(ascii: "'") {
                    word += byte == UInt8(ascii: "\\") ? escaped(&bytes) : [byte]
                }
            } else {
                word = Array(bytes.prefix { $0 != UInt8(ascii: " ") })
                bytes = bytes.dropFirst(word.count)
            }
            words.append(HostileFilterTests.interpolated(String(decoding: word, as: UTF8.self)))
        }
        return words
    }

    private static func escaped(_ bytes: inout ArraySlice<UInt8>) -> [UInt8] {
        guard let kind = bytes.popFirst() else { return [] }
        switch kind {
        case UInt8(ascii: "t"): return [UInt8(ascii: "\t")]
        case UInt8(ascii: "n"): return [UInt8(ascii: "\n")]
        case UInt8(ascii: "x"):
            let digits = String(decoding: bytes.prefix(2), as: UTF8.self)
            bytes = bytes.dropFirst(2)
            return [UInt8(digits, radix: 16) ?? 0]
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            let digits = String(decoding: [kind] + bytes.prefix(2), as: UTF8.self)
            bytes = bytes.dropFirst(2)
            return [UInt8(digits, radix: 8) ?? 0]
        default: return [kind]
        }
    }
}
