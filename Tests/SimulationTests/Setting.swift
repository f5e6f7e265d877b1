import Testing
import ToolkitTesting

#if canImport(Glibc)
    import Glibc
#endif

/// What the environment and the files of Tests/Seeds say.
enum Setting {
    static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    static func number(_ name: String) -> UInt64? { text(name).flatMap { UInt64($0) } }

    static var profile: FaultProfile? {
        text("TOOLKIT_PROFILE").flatMap { name in FaultProfile.named(name) }
    }

    /// Optimised builds run what the promise asks for, others enough to see that it works.
    static var seeds: UInt64 {
        #if DEBUG
            return 4
        #else
            return 5_000
        #endif
    }

    /// Each so manieth injection is tried: all of them in optimised builds.
    static var injectionStride: Int {
        #if DEBUG
            return 200
        #else
            return 1
        #endif
    }

    static let folder: String = {
        let here = #filePath.split(separator: "/").dropLast(2)
        return "/" + here.joined(separator: "/") + "/Seeds/"
    }()

    static func lines(of name: String) -> [String] {
        guard let file = fopen(folder + name, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let next = getc(file), next != EOF {
            bytes.append(UInt8(truncatingIfNeeded: next))
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    static func write(_ text: String, to name: String) {
        guard let file = fopen(folder + name, "w") else { return }
        fputs(text, file)
        fclose(file)
    }
}
