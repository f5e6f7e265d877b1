/// What rendering needs and cluster.yaml does not say: it lies on the scheduler's machine.
public struct RenderFacts: Hashable, Sendable {
    /// Lines of the scheduler's public key file.
    public var publicKeys: [String]
    /// The nodes' lines of known_hosts.
    public var hostKeys: [String]
    /// The text of the nodes' password file; nil: there are no passwords yet.
    public var passwordFile: String?

    public init(
        publicKeys: [String] = [], hostKeys: [String] = [], passwordFile: String? = nil
    ) {
        self.publicKeys = publicKeys
        self.hostKeys = hostKeys
        self.passwordFile = passwordFile
    }

    /// Why a file can't be made yet; nil: it can.
    func missing(for entry: CatalogueEntry) -> String? {
        switch entry.name {
        case "pgpass":
            passwordFile == nil ? "there are no passwords yet: `toolkit deploy` makes them" : nil
        case "authorized_keys":
            publicKeys.isEmpty ? "the public key beside ssh.identity_file can't be read" : nil
        case "known_hosts":
            hostKeys.isEmpty ? "ssh.known_hosts holds no readable name of a node" : nil
        default: nil
        }
    }
}
