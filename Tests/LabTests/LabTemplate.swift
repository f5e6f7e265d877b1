import Execution
import Foundation
import Glibc
import PostgresClient

@testable import ToolkitTesting

/// A deployed cluster at rest. Every scenario starts from a copy of it, because all labs look the
/// same from within: the same addresses, paths and keys.
actor LabTemplate {
    static let shared = LabTemplate()

    private var made: Task<Lab, any Error>?

    /// A copy of the template on a lab of its own; nothing of it runs yet.
    func cluster() async throws -> LabCluster {
        let template = try await template()
        let lab = try await Lab()
        let cluster = LabCluster(lab)
        do {
            let names = cluster.vms.map(\.name) + ["app.pgpass"]
            try await shell(
                ["cp", "-a", "--"] + names.map { "\(template.folder)/\($0)" } + [lab.folder])
        } catch {
            await lab.remove()
            throw error
        }
        return cluster
    }

    /// Removes the template; the lab is over.
    func remove() async { await (try? made?.value)?.remove() }

    private func template() async throws -> Lab {
        let task = made ?? Task { try await Self.make() }
        made = task
        return try await task.value
    }

    private static func make() async throws -> Lab {
        let lab = try await Lab()
        let cluster = LabCluster(lab)
        do {
            for vm in cluster.vms { try await layOut(vm) }
            try await authorize(cluster)
            try await deploy(cluster)
        } catch {
            await lab.remove()
            throw error
        }
        return lab
    }

    // MARK: Bare VMs

    private static func layOut(_ vm: LabVM) async throws {
        let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        try await shell(
            [
                "sh", "-euc",
                """
                mkdir -p -- "$1/data" "$1/share"
                cp -r -- "$2/hooks" "$2/templates" "$1/share"
                chmod -R a+rX "$1/share"
                cp /etc/passwd /etc/group /etc/shadow "$1"
                echo "$3:x:$4:$4:PostgreSQL:/mnt:/bin/sh" >>"$1/passwd"
                echo "$3:x:$4:" >>"$1/group"
                echo "$3:*:19000:0:99999:7:::" >>"$1/shadow"
                echo "$3" >"$1/user"
                chown "$4:$4" "$1" "$1/data"
                ssh-keygen -q -t ed25519 -N '' -C lab -f "$1/host_key"
                """, "sh", vm.folder, checkout, vm.user, "\(vm.id)",
            ])
        try await vm.renewBootID()
    }

    private static func authorize(_ cluster: LabCluster) async throws {
        let control = cluster.control
        try await shell(
            [
                "sh", "-euc",
                """
                mkdir -- "$1/ssh" "$1/sched"
                ssh-keygen -q -t ed25519 -N '' -C lab -f "$1/ssh/id"
                for vm in vm1 vm2 vm3; do
                    cp -- "$1/ssh/id.pub" "$1/../$vm/authorized_keys"
                    printf '10.0.0.%s %s\\n' "${vm#vm}" "$(cut -d' ' -f1,2 "$1/../$vm/host_key.pub")"
                done >"$1/ssh/known_hosts"
                chown -R "$2:$2" "$1/ssh" "$1/sched"
                """, "sh", control.folder, "\(control.id)",
            ])
        for vm in cluster.vms.prefix(3) {
            let lines = [
                "Port 22", "HostKey /mnt/host_key", "AuthorizedKeysFile /mnt/authorized_keys",
                "StrictModes no", "UsePAM yes", "PasswordAuthentication no", "PidFile none",
                "KbdInteractiveAuthentication no", "UseDNS no", "PrintMotd no", "MaxStartups 100",
                "Subsystem sftp internal-sftp", "LogLevel ERROR",
            ]
            try lines.map { $0 + "\n" }.joined().write(
                toFile: "\(vm.folder)/sshd_config", atomically: true, encoding: .utf8)
        }
        try file(cluster).write(
            toFile: "\(control.folder)/cluster.yaml", atomically: true, encoding: .utf8)
    }

    private static func file(_ cluster: LabCluster) -> String {
        let major = ThrowawayPostgres.binDirectory.split(separator: "/").dropLast().last ?? "15"
        let nodes = cluster.vms.prefix(3).map {
            "  - { name: \($0.name), host: \($0.address), data_dir: \(LabVM.data), "
                + "socket_dir: /run/postgresql, ssh: { user: \($0.user) } }\n"
        }
        return """
            cluster: lab
            postgresql:
              version: \(major)
              parameters: { shared_buffers: 16MB, max_connections: 40, checkpoint_timeout: 30min }
              hba: [ "host postgres app 10.0.0.0/24 scram-sha-256" ]
            scheduler: { address: \(cluster.control.address), directory: /mnt/sched }
            ssh: { identity_file: /mnt/ssh/id, known_hosts: /mnt/ssh/known_hosts }
            config_dir: /mnt/etc
            state_dir: /mnt/lib
            runtime_dir: /run/toolkit
            nodes:
            \(nodes.joined())
            """
    }

    // MARK: Deploying

    private static func deploy(_ cluster: LabCluster) async throws {
        try await cluster.boot()
        // What a packager makes: the parents of the configured folders belong to the SSH user.
        for vm in cluster.vms.prefix(3) {
            try await vm.run(["mkdir", "-p", "/mnt/etc", "/mnt/lib"])
        }
        let deployed = try await cluster.toolkit("deploy")
        guard deployed.isSuccess else { throw LabError("toolkit deploy: \(deployed.said)") }
        let password = String(UInt64.random(in: .min ... .max), radix: 36)
        let passfile = "\(cluster.lab.folder)/app.pgpass"
        try "*:*:*:app:\(password)\n".write(toFile: passfile, atomically: true, encoding: .utf8)
        chmod(passfile, 0o600)
        let verifier = try scramVerifier(password: password, user: "app")
        try await cluster.vms[0].sql(
            """
            SET default_transaction_read_only = off; CREATE ROLE app LOGIN PASSWORD '\(verifier)';
            CREATE SCHEMA demo;
            CREATE TABLE demo.rows (id bigint PRIMARY KEY, writer int NOT NULL,
              node text NOT NULL DEFAULT current_setting('cluster_name'),
              term bigint NOT NULL DEFAULT current_setting('toolkit.term')::bigint);
            GRANT USAGE ON SCHEMA demo TO app; GRANT INSERT, SELECT ON demo.rows TO app
            """)
        try await cluster.runDaemon()
        try await cluster.healthy()
        try await cluster.stopDaemon(SIGTERM)
        for vm in cluster.vms.prefix(3) { try await vm.stopPostgres() }
        for vm in cluster.vms { try await vm.powerOff() }
    }
}
