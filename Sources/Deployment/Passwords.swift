import ClusterFile
import FailoverCore
import Foundation
import Glibc
import Quotation
import Rendering

/// The passwords of the two roles, kept in one libpq password file on the scheduler's machine.
struct Passwords: Hashable, Sendable {
    /// By role.
    var byRole: [String: String]

    static func path(_ settings: ClusterSettings) -> String {
        "\(settings.scheduler.directory)/\(settings.cluster).pgpass"
    }

    /// A libpq password file for `roles`, on every node of the cluster.
    func file(
        _ settings: ClusterSettings, roles: [String]
    ) throws(DeploymentError) -> String {
        var text = ""
        do {
            for role in roles {
                guard let password = byRole[role] else { continue }
                for node in settings.nodes {
                    let fields = [
                        try Quoting.passwordField(node.host), String(node.port), "*",
                        try Quoting.passwordField(role), try Quoting.passwordField(password),
                    ]
                    text += fields.joined(separator: ":") + "\n"
                }
            }
        } catch {
            throw DeploymentError(
                .passwords, "cannot write a password file", because: error.description,
                next: "correct the role's name, or the password in \(Self.path(settings))")
        }
        return text
    }

    /// The first password of each role in the text of a password file.
    init(text: String) {
        byRole = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let fields = Self.fields(line)
            guard fields.count == 5, byRole[fields[3]] == nil else { continue }
            byRole[fields[3]] = fields[4]
        }
    }

    init(byRole: [String: String]) { self.byRole = byRole }

    /// 32 letters and digits from the kernel's random source: 190 bits, nothing to quote.
    static func random() -> String {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8
        var source = SystemRandomNumberGenerator()
        let bytes = (0..<32).compactMap { _ in alphabet.randomElement(using: &source) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func fields(_ line: Substring) -> [String] {
        var fields = [""]
        var scalars = line.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\\", let next = scalars.popFirst() {
                fields[fields.count - 1].unicodeScalars.append(next)
            } else if scalar == ":" {
                fields.append("")
            } else {
                fields[fields.count - 1].unicodeScalars.append(scalar)
            }
        }
        return fields
    }
}

// MARK: - The file

extension Passwords {
    /// What is kept, completed by fresh ones where a role has none; `isKept` when nothing has to be
    /// written. Roles that exist in PostgreSQL (`rolesExist`) never get a fresh one behind its back.
    static func kept(
        _ settings: ClusterSettings, rolesExist: Bool
    ) throws(DeploymentError) -> (passwords: Passwords, isKept: Bool) {
        let path = path(settings)
        let roles = settings.postgresql.roles
        let text = try read(path)
        var passwords = Passwords(text: text ?? "")
        let missing = roles.filter { passwords.byRole[$0] == nil }
        guard missing.isEmpty || !rolesExist else {
            throw DeploymentError(
                .passwords, "cannot find the password of \(missing.joined(separator: " and "))",
                because: "the cluster exists and \(path) does not hold it",
                next: "restore that file from a backup, or set a password in PostgreSQL and add "
                    + "the line host:port:*:\(missing[0]):PASSWORD for each node")
        }
        for role in missing { passwords.byRole[role] = random() }
        return (passwords, text == (try passwords.file(settings, roles: roles)))
    }

    /// Writes beside and renames, so that a reader sees the old file or the whole new one.
    func write(_ settings: ClusterSettings) throws(DeploymentError) {
        let path = Self.path(settings)
        try Self.makeDirectory(settings.scheduler.directory)
        let beside = "\(path).new"
        unlink(beside)
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("write", path) }
        let text = Array(try file(settings, roles: settings.postgresql.roles).utf8)
        let isWritten =
            Glibc.write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
        let reason = errno
        close(descriptor)
        guard isWritten, rename(beside, path) == 0 else {
            unlink(beside)
            throw Self.failure("write", path, isWritten ? errno : reason)
        }
    }

    private static func read(_ path: String) throws(DeploymentError) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw failure("read", path)
        }
        guard status.st_mode & 0o077 == 0 else {
            throw DeploymentError(
                .passwords, "cannot use the password file \(path)",
                because: "others than its owner may read it, and libpq ignores such a file",
                next: "chmod 0600 \(path)")
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw failure("read", path)
        }
        return String(decoding: data, as: UTF8.self)
    }

    private static func makeDirectory(_ path: String) throws(DeploymentError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw DeploymentError(
                .passwords, "cannot make the scheduler's folder \(path)",
                because: error.localizedDescription,
                next: "as root: install -d -o \(NSUserName()) -m 0700 \(path); or set "
                    + "scheduler.directory")
        }
    }

    private static func failure(
        _ verb: String, _ path: String, _ reason: Int32 = errno
    ) -> DeploymentError {
        DeploymentError(
            .passwords, "cannot \(verb) the password file \(path)",
            because: String(cString: strerror(reason)),
            next: "let \(NSUserName()), who runs toolkit, read and write there")
    }
}

extension PostgresSettings {
    /// The toolkit's own roles.
    var roles: [String] { [role, replicationRole] }
}
