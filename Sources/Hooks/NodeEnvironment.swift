public import ClusterFile
import Execution
import FailoverCore

/// `node.env`: the facts that the programs on a node start from.
///
/// Over SQL no environment comes along, so `node-apply` reads them from the file beside itself.
public struct NodeEnvironment: Sendable {
    public var settings: ClusterSettings

    public init(settings: ClusterSettings) { self.settings = settings }

    public static func path(on node: NodeSettings) -> String {
        node.stateDirectory + "/node.env"
    }

    /// postgresql.conf of a node, as the server is started with it.
    public static func configFile(of node: NodeSettings) -> String {
        node.configDirectory + "/postgresql.conf"
    }

    /// Passwords of a node's outgoing connections, mode 0600.
    public static func passFile(of node: NodeSettings) -> String {
        node.stateDirectory + "/pgpass"
    }

    /// Shell assignments, each value quoted; mode 0600, nothing secret in it.
    public func file(for node: NodeSettings) -> String {
        var facts = [
            ("TOOLKIT_CLUSTER", settings.cluster),
            ("TOOLKIT_NODE_NAME", node.id.rawValue),
            ("TOOLKIT_STATE_DIR", node.stateDirectory),
            ("TOOLKIT_CONFIG_DIR", node.configDirectory),
            ("TOOLKIT_RUNTIME_DIR", node.runtimeDirectory),
            ("TOOLKIT_CONFIG_FILE", Self.configFile(of: node)),
            ("PGDATA", node.dataDirectory),
            ("PGPORT", String(node.port)),
            ("PGHOST", node.socketDirectory),
            ("PG_BINDIR", settings.postgresql.binDirectory),
        ]
        if let docker = node.docker {
            facts.append(("TOOLKIT_CONTAINER", docker.container))
            facts.append(("TOOLKIT_VOLUME", docker.volume))
        }
        let lines = facts.map { "\($0)=\(ShellWord.quote($1))\n" }.joined()
        return "# Facts of this node for the programs in bin/, written by toolkit deploy.\n" + lines
    }
}
