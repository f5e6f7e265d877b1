import Foundation
import Glibc

/// A major version of PostgreSQL whose server programs are on this machine.
public struct ServerVersion: Hashable, Sendable, CustomStringConvertible {
    public let major: Int
    /// Where initdb and its neighbours are.
    public let binDirectory: String

    public var description: String { "PostgreSQL \(major)" }

    /// What a version must have to be used.
    public static let programs = [
        "initdb", "pg_basebackup", "pg_checksums", "pg_controldata", "pg_ctl", "pg_receivewal",
        "pg_rewind", "pg_waldump", "postgres",
    ]

    public static let wanted = [14, 15, 16, 17, 18]

    /// The wanted majors that are here: in `<major>/bin` below a folder of TOOLKIT_POSTGRESQL_DIRS,
    /// Debian's, or the one that `install.sh test` fills.
    public static let all: [ServerVersion] = wanted.compactMap(find)

    public static let missing: [Int] = wanted.filter { major in
        !all.contains { $0.major == major }
    }

    private static let folders: [String] = {
        let checkout = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["TOOLKIT_POSTGRESQL_DIRS"] ?? ""
        return named.split(separator: ":").map(String.init)
            + ["/usr/lib/postgresql", checkout.appending(path: ".build-postgresql").path]
    }()

    private static func find(_ major: Int) -> ServerVersion? {
        for folder in folders.map({ "\($0)/\(major)" }) {
            let isWhole = programs.allSatisfy { access("\(folder)/bin/\($0)", X_OK) == 0 }
            guard isWhole, let reachable = reachable(folder) else { continue }
            return ServerVersion(major: major, binDirectory: "\(reachable)/bin")
        }
        return nil
    }

    /// The folder, or a copy of it when the user that runs the servers may not enter it: a checkout
    /// in root's home. The copy goes with this process.
    private static func reachable(_ folder: String) -> String? {
        guard ThrowawayPostgresRoot.serverUser != nil, !isOpenToAll(folder) else { return folder }
        guard let copies else { return nil }
        let copy = "\(copies.path)/\((folder as NSString).lastPathComponent)"
        do {
            try FileManager.default.copyItem(atPath: folder, toPath: copy)
            return copy
        } catch {
            return nil
        }
    }

    private static let copies = try? ThrowawayPostgresRoot()

    private static func isOpenToAll(_ folder: String) -> Bool {
        var path = folder
        while path != "/" {
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IXOTH != 0 else { return false }
            path = (path as NSString).deletingLastPathComponent
        }
        return true
    }
}
