import ClusterFile
import Glibc

/// Who connects to a node from where, as its pg_hba.conf says it: CIDR for numbers, names as they are.
struct Addresses {
    /// Without repetition, in the order of cluster.yaml.
    let schedulers: [String]
    let nodes: [String]

    static let loopback = ["127.0.0.1/32", "::1/128"]

    /// The networks that a server lies in itself, its container's: PostgreSQL's own word.
    private static let sameNetwork = "samenet"

    init(of settings: ClusterSettings, at node: NodeSettings) {
        // Who comes through Docker's proxy is seen as the container's gateway or neighbour.
        let near = node.isPublished ? [Self.sameNetwork] : []
        let hosts = settings.nodes.map(\.host)
        let own = hosts.flatMap(Self.entries)
        nodes = Self.unique(own + near)
        if let address = settings.scheduler.address {
            // A server on loopback sees its clients come from there, whatever their address is.
            let local = hosts.contains(where: Self.isLoopback) ? Self.loopback : []
            schedulers = Self.unique(Self.entries(for: address) + local + near)
        } else {
            // The scheduler runs on one of the nodes, which may be any of them.
            schedulers = Self.unique(own + Self.loopback + near)
        }
    }

    /// For listen_addresses: the node's own, and localhost for what runs beside it.
    static func listen(on host: String) -> String {
        isLoopback(host) ? host : "\(host), localhost"
    }

    static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || isIPv4(host) && host.hasPrefix("127.")
    }

    private static func entries(for host: String) -> [String] {
        if isLoopback(host) { return loopback }
        if isIPv4(host) { return [host + "/32"] }
        if isIPv6(host) { return [host + "/128"] }
        return [host]
    }

    /// Whether it is a number, as Docker wants the address that a port is published on.
    static func isNumber(_ host: String) -> Bool { isIPv4(host) || isIPv6(host) }

    private static func isIPv4(_ host: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, host, &address) == 1
    }

    private static func isIPv6(_ host: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, host, &address) == 1
    }

    private static func unique(_ addresses: [String]) -> [String] {
        var seen: Set<String> = []
        return addresses.filter { seen.insert($0).inserted }
    }
}
