import Execution
import Foundation
import Testing

@testable import ToolkitTesting

/// What `./install.sh package` made last: nothing can be built while tests run.
@Suite("The Debian package", .serialized)
struct PackageTests {
    private static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    static let path: String? = {
        let build = "\(checkout)/.build"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: build)) ?? []
        let packages = names.filter { $0.hasPrefix("toolkit_") && $0.hasSuffix(".deb") }
        return packages.sorted().last.map { "\(build)/\($0)" }
            .flatMap { time(of: $0) >= newest ? $0 : nil }
    }()
    private static let skipped: Comment =
        "SKIPPED: there is no package of these files; `./install.sh package` makes it"

    /// When what goes into a package was changed last.
    private static var newest: Date {
        let folders = ["Sources", "docs", "hooks", "templates"].map { "\(checkout)/\($0)" }
        let files = folders.flatMap { folder in
            (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
                .map { "\(folder)/\($0)" }
        }
        return files.map(time).max() ?? .distantPast
    }

    private static func time(of path: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }

    @Test(.enabled(if: path != nil, skipped))
    func holdsTheProgramAndWhatItNeeds() async throws {
        let package = try #require(Self.path)
        let control = try await Self.run(["dpkg-deb", "--field", package])
        for field in ["Version: 0.", "Architecture: ", "Maintainer: ", "Installed-Size: "] {
            #expect(control.contains("\n\(field)"), "\(control)")
        }
        for library in ["libc6", "libpq5", "libssh2-1", "libsqlite3-0"] {
            let pattern = try Regex("Depends:.*\\b\(library)")
            #expect(control.firstMatch(of: pattern) != nil, "\(control)")
        }
        #expect(!control.contains("swift"))

        var modes: [String: String] = [:]
        let listed = try await Self.run(["dpkg-deb", "--contents", package])
        for line in listed.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            try #require(words.count >= 6, "\(line)")
            #expect(words[1] == "root/root", "\(line)")
            modes[String(words[5].dropFirst())] = String(words[0])
        }
        let outside = modes.keys.filter { !$0.hasPrefix("/usr/") && $0 != "/" }
        #expect(outside == [])
        #expect(modes["/usr/bin/toolkit"] == "-rwxr-xr-x")
        let documents = "/usr/share/doc/toolkit"
        for page in ["copyright", "README.md", "docs/operating.md"] {
            #expect(modes["\(documents)/\(page)"] == "-rw-r--r--", "\(page)")
        }
    }

    /// Hooks and templates as they are here, the binary without its toolchain's libraries.
    @Test(.enabled(if: path != nil, skipped))
    func holdsThisCheckoutsFiles() async throws {
        let package = try #require(Self.path)
        let folder = "/tmp/package-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try await Self.run(["dpkg-deb", "--raw-extract", package, folder])
        for part in ["hooks", "templates"] {
            let difference = try await Self.run([
                "diff", "-r", "\(Self.checkout)/\(part)", "\(folder)/usr/share/toolkit/\(part)",
            ])
            #expect(difference == "", "made from other files: run `./install.sh package` again")
        }
        _ = try await Self.run([
            "sh", "-euc", #"cd "$1" && md5sum --quiet --check DEBIAN/md5sums"#, "sh", folder,
        ])
        let needed = try await Self.run(["readelf", "--dynamic", "\(folder)/usr/bin/toolkit"])
        #expect(needed.contains("libpq.so.5"))
        #expect(!needed.contains("swift"), "\(needed)")
        let sections = try await Self.run([
            "readelf", "--section-headers", "--wide", "\(folder)/usr/bin/toolkit",
        ])
        #expect(!sections.contains(".symtab"), "it is not stripped")
    }

    @Test(
        .enabled(if: path != nil, skipped),
        .enabled(if: FreshMachines.isRoot, "SKIPPED: installing a package needs root"),
        .timeLimit(.minutes(5)))
    func installsAndRunsWhereNoSwiftIs() async throws {
        let package = try #require(Self.path)
        let folder = "/dev/shm/package-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let said = try await Self.run([
            "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
            "sh", "\(Self.checkout)/Tests/FreshTests/package.sh", folder, package,
        ])
        #expect(said.contains("Setting up toolkit ("), "\(said)")
        #expect(said.contains(#""rowsLost" : 0"#), "\(said)")
    }

    private static func run(_ arguments: [String]) async throws -> String {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let result = try await LocalRunner().run(
            Command(
                arguments, environment: ["PATH": path], timeout: .seconds(240),
                outputLimitBytes: 1 << 20))
        guard result.isSuccess else {
            throw FreshMachines.Failure(
                "\(arguments): \(result.ending) \(result.output)\(result.errorOutput)")
        }
        return result.output
    }
}
