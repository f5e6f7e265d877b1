/// The `cluster.yaml` that `toolkit init` writes.
public enum ClusterTemplate {
    /// A node of the file to write.
    public struct Node: Hashable, Sendable {
        public var name: String
        public var host: String

        public init(name: String, host: String) {
            self.name = name
            self.host = host
        }
    }

    /// Three machines of a private network, to be edited.
    public static let exampleNodes = [
        Node(name: "node1", host: "10.0.0.1"), Node(name: "node2", host: "10.0.0.2"),
        Node(name: "node3", host: "10.0.0.3"),
    ]

    /// A file with every setting: what is needed as it is, all else commented out at its default.
    public static func commented(
        cluster: String = "shop", nodes: [Node] = exampleNodes
    ) -> String { "" }
}
