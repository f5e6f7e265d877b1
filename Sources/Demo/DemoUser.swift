import Foundation
import Glibc

/// The unprivileged user that everything of the demo runs as: PostgreSQL refuses to run as root.
enum DemoUser {
    private static let name = "postgres"

    /// Makes the demo's folder and, when started as root, gives the process up to the user
    /// `postgres` for good. `share` (hooks and templates) is copied first: that user may not be
    /// able to read the checkout.
    static func settle(copying share: String) throws -> String {
        let root = try makeRoot()
        for folder in ["hooks", "templates"] {
            try FileManager.default.copyItem(
                atPath: share + "/" + folder, toPath: "\(root)/share/\(folder)")
        }
        if geteuid() == 0 { try dropPrivileges(owning: root) }
        setenv("HOME", root, 1)
        guard chdir(root) == 0 else { throw refusal("its folder \(root) can't be entered") }
        return root
    }

    private static func makeRoot() throws -> String {
        // Short: the path of a socket has at most 107 bytes.
        var template = Array("/tmp/toolkit-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw refusal("no folder can be made in /tmp") }
        let root = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        try FileManager.default.createDirectory(
            atPath: root + "/share", withIntermediateDirectories: true)
        return root
    }

    private static func dropPrivileges(owning root: String) throws {
        guard let user = getpwnam(name) else {
            throw refusal("there is no user \(name) to run PostgreSQL as")
        }
        let (uid, gid) = (user.pointee.pw_uid, user.pointee.pw_gid)
        let paths =
            [root]
            + (FileManager.default.enumerator(atPath: root)?.compactMap { item in
                (item as? String).map { root + "/" + $0 }
            } ?? [])
        for path in paths where lchown(path, uid, gid) != 0 {
            throw refusal("\(path) can't be given to \(name)")
        }
        guard initgroups(name, gid) == 0, setgid(gid) == 0, setuid(uid) == 0 else {
            throw refusal("root's rights could not be given up")
        }
        setenv("USER", name, 1)
        setenv("LOGNAME", name, 1)
    }

    /// The name of the user that runs now.
    static var current: String {
        getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "postgres"
    }

    private static func refusal(_ because: String) -> DemoError {
        DemoError(
            "cannot start the demo", because: because,
            next: "run it as an ordinary user, or install the package postgresql")
    }
}
