/// Why a cluster could not be brought up: what could not be done, to whom, because of what, and
/// what to do next. Never holds a password.
public struct DeploymentError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// A check failed; nothing was changed.
        case refused = "deploy.refused"
        /// Templates or scripts of the installation can't be read or rendered.
        case files = "deploy.files"
        /// The password file can't be read, written or trusted.
        case passwords = "deploy.passwords"
        /// Nodes hold data, and no store says of which cluster.
        case storeMissing = "deploy.store_missing"
        /// A step on a node failed.
        case node = "deploy.node"
    }

    public var code: Code
    /// What could not be done, and to whom.
    public var subject: String
    public var because: String
    /// What to do next.
    public var next: String
    /// The checks that refused, with `.refused`.
    public var failures: [CheckResult]

    public init(
        _ code: Code, _ subject: String, because: String, next: String,
        failures: [CheckResult] = []
    ) {
        self.code = code
        self.subject = subject
        self.because = because
        self.next = next
        self.failures = failures
    }

    public var description: String { "\(subject)\n  because \(because)\n  next: \(next)" }

    /// Throws what went wrong on several machines as one.
    static func all(_ failures: [DeploymentError]) throws(DeploymentError) {
        guard var first = failures.first else { return }
        for other in failures.dropFirst() {
            first.because += "; \(other.subject), because \(other.because)"
        }
        throw first
    }
}
