import CLinux
import Foundation
import Glibc
import PostgresClient

/// How an application on the lab's network finds the primary.
struct LabClient: Sendable {
    private let folder: String
    private let network: String

    init(_ lab: Lab) {
        folder = lab.folder
        network = "/proc/\(lab.initPID)/ns/net"
    }

    /// The calling thread goes there, for good.
    func enterNetwork() -> Bool {
        let descriptor = open(network, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return cl_enter_network(descriptor) == 0
    }

    /// As `toolkit dsn` prints it, with the hosts in an order of this client's own.
    func conninfo(_ name: String, _ known: [Int], from first: Int) -> Conninfo {
        let hosts = known.indices.map { "10.0.0.\(known[($0 + first) % known.count])" }
        var conninfo = Conninfo()
        conninfo["host"] = hosts.joined(separator: ",")
        conninfo["dbname"] = "postgres"
        conninfo["user"] = "app"
        conninfo["passfile"] = "\(folder)/app.pgpass"
        conninfo["target_session_attrs"] = "read-write"
        conninfo["connect_timeout"] = "2"
        conninfo["keepalives"] = "1"
        conninfo["keepalives_idle"] = "5"
        conninfo["keepalives_interval"] = "2"
        conninfo["keepalives_count"] = "3"
        conninfo["tcp_user_timeout"] = "10000"
        conninfo["application_name"] = name
        return conninfo
    }

    static func node(of session: BlockingSession) -> String {
        "vm" + session.server.split(separator: ":")[0].suffix(1)
    }
}
