public import ClusterFile
import FailoverCore
import Foundation
public import Rendering

/// What lies on the scheduler's machine beside cluster.yaml. Nothing of it has to be there.
extension RenderFacts {
    public static func onThisMachine(for settings: ClusterSettings) -> RenderFacts {
        RenderFacts(
            publicKeys: publicKeys(of: settings), hostKeys: hostKeys(of: settings),
            passwordFile: passwordFile(of: settings))
    }

    private static func publicKeys(of settings: ClusterSettings) -> [String] {
        guard let identity = settings.ssh.identityFile else { return [] }
        return lines(of: identity + ".pub").filter { $0.contains(" ") && !$0.hasPrefix("#") }
    }

    /// The lines that name a node in clear: a hashed name says nothing of whom it is.
    private static func hostKeys(of settings: ClusterSettings) -> [String] {
        let names = Set(
            settings.nodes.flatMap { node in
                [node.sshPort == 22 ? node.sshHost : "[\(node.sshHost)]:\(node.sshPort)"]
            })
        return lines(of: settings.ssh.knownHosts).filter { line in
            let first = line.split(separator: " ").first { !$0.hasPrefix("@") } ?? ""
            return first.split(separator: ",").contains { names.contains(String($0)) }
        }
    }

    private static func passwordFile(of settings: ClusterSettings) -> String? {
        guard let data = FileManager.default.contents(atPath: Passwords.path(settings)) else {
            return nil
        }
        let text = try? Passwords(text: String(decoding: data, as: UTF8.self))
            .file(settings, roles: [settings.postgresql.replicationRole])
        return text?.isEmpty == true ? nil : text
    }

    private static func lines(of path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map(String.init)
    }
}
