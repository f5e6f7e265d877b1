import ClusterFile
import Execution
import FailoverCore
import Rendering

/// What `hooks/deploy/machine.sh` is told of a node: plain facts, and the files that root puts in
/// place. None of it is secret.
struct MachineFacts: Sendable {
    var values: [(name: String, value: String)]

    /// Ahead of the script: it reads them as any other variables, through `sudo` too.
    func script(
        _ action: MachineAction, part: String, isDryRun: Bool, _ script: [UInt8]
    ) -> [UInt8] {
        let all =
            values + [
                ("TOOLKIT_ACTION", action.rawValue), ("TOOLKIT_PART", part),
                ("TOOLKIT_DRY_RUN", isDryRun ? "1" : "0"),
            ]
        let lines = all.map { "\($0.name)=\(ShellWord.quote($0.value))\n" }
        return Array(lines.joined().utf8) + script
    }
}

public enum MachineAction: String, Hashable, Sendable {
    case prepare
    case remove
}

extension Deployment {
    func machineFacts(of node: NodeSettings) throws(DeploymentError) -> MachineFacts {
        var values = environment(of: node).sorted { $0.key < $1.key }
            .map { (name: $0.key, value: $0.value) }
        values += [
            ("TOOLKIT_CLUSTER", settings.cluster), ("TOOLKIT_OWNER", node.sshUser),
            ("TOOLKIT_MAJOR", String(settings.postgresql.version)),
            ("TOOLKIT_ADOPTING", adopting?.rawValue ?? ""),
            ("TOOLKIT_SERVICE", node.service ?? ""), ("KEYS", try authorizedKeys),
        ]
        for (name, text) in try adminFiles(of: node) {
            values += [(name, text.contents), ("\(name)_PATH", text.path)]
        }
        return MachineFacts(values: values)
    }

    /// What an administrator would put in place by hand. Without a unit nobody asks for sudo.
    private func adminFiles(
        of node: NodeSettings
    ) throws(DeploymentError) -> [(name: String, file: RenderedFile)] {
        let hasUnits = settings.nodes.contains { $0.service?.hasSuffix(".service") ?? false }
        var files: [(name: String, file: RenderedFile)] = []
        for (name, entry) in [
            ("TMPFILES", "tmpfiles.conf"), ("UNIT", "postgresql.service"),
            ("DROPIN", "postgresql-dropin.conf"), ("SUDOERS", "sudoers"),
            ("SYSCTL", "sysctl.conf"),
        ] {
            // Docker starts a container, and nobody asks for sudo.
            if node.docker != nil, name == "UNIT" || name == "DROPIN" {
                files.append((name, RenderedFile(name: entry, path: "", contents: "", mode: 0)))
                continue
            }
            var file = try rendered(entry, for: node)
            if name == "SUDOERS", !hasUnits || node.docker != nil { file.contents = "" }
            files.append((name, file))
        }
        return files
    }

    /// The scheduler's key for the owner's `authorized_keys`; empty when no key is used.
    private var authorizedKeys: String {
        get throws(DeploymentError) {
            guard settings.execution == .ssh else { return "" }
            return try rendered("authorized_keys", for: nil).contents
        }
    }

    private func rendered(
        _ name: String, for node: NodeSettings?
    ) throws(DeploymentError) -> RenderedFile {
        let renderer = Renderer(
            settings: settings, templates: TemplateFolder(for: settings, shippedIn: share),
            facts: .onThisMachine(for: settings))
        let entries = Catalogue.all.filter { $0.name == name }
        var output: Renderer.Output
        do {
            output = try renderer.renderCluster(entries)
            if let node { output.files += try renderer.render(entries, for: node).files }
        } catch {
            throw DeploymentError(
                .files, "cannot render \(error.subject)", because: error.because, next: error.next)
        }
        guard let file = output.files.first else {
            throw DeploymentError(
                .files, "cannot render \(name)",
                because: output.leftOut[name] ?? "the catalogue does not have it",
                next: "name the scheduler's private key as ssh.identity_file, with its .pub beside "
                    + "it (ssh-keygen -t ed25519)")
        }
        return file
    }
}
