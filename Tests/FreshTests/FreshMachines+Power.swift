import Execution
import Foundation

@testable import ToolkitTesting

/// Machines that systemd boots can be booted again.
extension FreshMachines {
    /// Why they can't be had here; nil: they can.
    static let noSystemd: String? = {
        guard isRoot else { return "machines need root: they are namespaces" }
        guard FileManager.default.isExecutableFile(atPath: "/lib/systemd/systemd") else {
            return "systemd is not installed here; ./install.sh names its packages"
        }
        let systems = try? String(contentsOfFile: "/proc/filesystems", encoding: .utf8)
        guard systems?.contains("\tcgroup2\n") ?? false else {
            return "this kernel has no cgroup2, on which systemd insists"
        }
        return nil
    }()

    /// For a tree that is this machine's own: of what is enabled here only PostgreSQL's unit is, as its
    /// package leaves it.
    static let stripUnits = """
        rm -rf /etc/systemd/system/*.wants
        mkdir -p /etc/systemd/system/multi-user.target.wants
        ln -s /lib/systemd/system/postgresql.service /etc/systemd/system/multi-user.target.wants/
        """

    /// In good order, by the machine's own command.
    func reboot(_ number: Int) async throws {
        try await untilBootedAnew(number) {
            _ = try await ssh(number, "systemctl reboot")
        }
    }

    /// As when the plug is pulled, and put in again.
    func cutPower(_ number: Int) async throws {
        let off = "\(folder)/vm\(number).off"
        try await untilBootedAnew(number) {
            try "".write(toFile: off, atomically: true, encoding: .utf8)
            try await until("vm\(number) is off") {
                try await ssh(number, "true").status != 0
            }
            try FileManager.default.removeItem(atPath: off)
        }
    }

    private func untilBootedAnew(
        _ number: Int, _ end: () async throws -> Void
    ) async throws {
        let before = try await boot(of: number)
        try await end()
        try await until("vm\(number) has booted anew", within: .seconds(60)) {
            let now = try await boot(of: number)
            return !now.isEmpty && now != before
        }
        try await untilBooted(number)
    }

    private func boot(of number: Int) async throws -> String {
        try await ssh(number, "cat /proc/sys/kernel/random/boot_id").output
    }
}
