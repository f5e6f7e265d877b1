import Foundation
import Testing

@testable import ToolkitTesting

/// A cluster on machines that systemd boots, as README.md and docs/operating.md describe it: PostgreSQL
/// and the scheduler are units, and the scheduler runs on the third machine.
struct SystemdCluster {
    static let owner = "toolkit"
    static let unit = "postgresql-fresh.service"
    static let socket = "/run/fresh"
    static let data = "/var/lib/fresh-data/fresh"
    static let scheduler = "toolkit-fresh.service"
    private static let file = "/etc/toolkit/cluster.yaml"

    let machines: FreshMachines

    /// What is done by hand: the program, its user and that one's key, which root lets in everywhere.
    init(_ machines: FreshMachines) async throws {
        self.machines = machines
        let nodes = (1...3).map {
            "  - { name: node\($0), host: 10.9.0.\($0), socket_dir: \(Self.socket), "
                + "data_dir: \(Self.data), service: \(Self.unit) }\n"
        }.joined()
        let settings = """
            cluster: fresh
            postgresql:
              version: \(FreshCluster.major)
              parameters: { shared_buffers: 16MB }
            scheduler: { address: 10.9.0.3 }
            ssh: { user: \(Self.owner), identity_file: ~/.ssh/id_ed25519 }
            nodes:
            \(nodes)
            """
        try await put(settings, 3, Self.file)
        try await done(
            3,
            """
            useradd --system --create-home --home-dir /var/lib/toolkit --shell /bin/sh \(Self.owner)
            ln -s /srv/toolkit/\(try Self.binary) /usr/local/bin/toolkit
            runuser -u \(Self.owner) -- sh -euc '
                cd
                umask 077
                mkdir .ssh
                ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519
                for host in 10.9.0.1 10.9.0.2 10.9.0.3; do
                    ssh-keyscan -t ed25519 $host 2>/dev/null
                done >.ssh/known_hosts'
            """)
        let key = try await done(3, "cat ~\(Self.owner)/.ssh/id_ed25519.pub")
        for number in 1...3 {
            let made = try await machines.ssh(
                number, "cat >>/root/.ssh/authorized_keys", input: key)
            try #require(made.status == 0, "\(made.complaint)")
        }
        try await put(try Self.schedulersUnit, 3, "/etc/systemd/system/\(Self.scheduler)")
        try await done(3, "systemctl daemon-reload")
    }

    /// As README.md has it, for another user.
    private static var schedulersUnit: String {
        get throws {
            let page = try String(
                contentsOf: checkout.appendingPathComponent("README.md"), encoding: .utf8)
            let unit = try #require(page.components(separatedBy: "```ini\n").dropFirst().first)
            return try #require(unit.components(separatedBy: "```").first)
                .replacingOccurrences(of: "User=postgres", with: "User=\(owner)")
        }
    }

    private static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Beside the tests, within the checkout, which the machines see at a place of their own.
    private static var binary: String {
        get throws {
            let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            let folder = URL(fileURLWithPath: here).deletingLastPathComponent().path
            try #require(folder.hasPrefix(checkout.path + "/"), "\(folder)")
            return String(folder.dropFirst(checkout.path.count + 1)) + "/toolkit"
        }
    }

    // MARK: - What is done there

    /// As root.
    @discardableResult
    func done(_ number: Int, _ command: String) async throws -> String {
        let ended = try await machines.ssh(number, "set -eu; cd /; \(command)")
        try #require(
            ended.status == 0, "vm\(number): \(command)\n\(ended.output)\(ended.complaint)")
        return ended.output
    }

    private func put(_ text: String, _ number: Int, _ path: String) async throws {
        let made = try await machines.ssh(
            number, "mkdir -p $(dirname \(path)) && cat >\(path)", input: text)
        try #require(made.status == 0, "\(path): \(made.complaint)")
    }

    /// On the scheduler's machine, as its user.
    func toolkit(_ arguments: String) async throws -> FreshMachines.Ending {
        try await machines.ssh(
            3, "cd / && runuser -u \(Self.owner) -- toolkit \(arguments) -c \(Self.file)")
    }

    func sql(_ number: Int, _ statement: String) async throws -> FreshMachines.Ending {
        try await machines.ssh(
            number,
            "cd / && runuser -u \(Self.owner) -- psql -h \(Self.socket) -U postgres -At postgres",
            input: statement)
    }

    /// `active`, `failed`, `inactive` …
    func unitState(_ number: Int) async throws -> String {
        try await machines.ssh(number, "systemctl is-active \(Self.unit)").output
            .trimmingCharacters(in: .newlines)
    }

    /// As `kill -9` does it, not systemd.
    func killPostmaster(_ number: Int) async throws {
        try await done(number, "kill -9 $(head -n 1 \(Self.data)/postmaster.pid)")
    }

    /// The primary's number once all is well with all three nodes, and with another one than `old`.
    @discardableResult
    func untilWell(besides old: Int? = nil) async throws -> Int {
        var primary: Int?
        var said = ""
        try await until(
            "all is well, \(old.map { "not with node\($0)" } ?? "")", within: .seconds(60)
        ) {
            let state = try await toolkit("state")
            said = state.output + state.complaint
            let counted = state.output.firstMatch(
                of: /primary node(\d), quorum ANY 1 \(node\d, node\d\)\n/)
            primary = counted.flatMap { Int($0.1) }
            return state.status == 0 && primary != nil && primary != old
        }
        return try #require(primary, "\(said)")
    }
}
