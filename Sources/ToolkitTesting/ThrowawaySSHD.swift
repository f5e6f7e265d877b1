import Execution

/// A private sshd on loopback, with its own keys, gone with `stop()`.
public final class ThrowawaySSHD: Sendable {
    public struct Options: Sendable {
        /// Host keys to offer: `ed25519`, `ecdsa`, `rsa`.
        public var hostKeyTypes: [String] = ["ed25519", "ecdsa"]
        /// The client's key: `ed25519`, `ecdsa`, `rsa`.
        public var identityType: String = "ed25519"
        public var hashesKnownHosts = false
        /// Further lines of sshd_config.
        public var configuration: [String] = []

        public init() {}
    }
}
