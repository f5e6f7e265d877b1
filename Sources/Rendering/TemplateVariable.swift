import ClusterFile
import Quotation

/// One name that templates may use: its path, what it means, and how it is found out. The
/// reference, `--list-variables` and the values come from this one declaration.
public struct TemplateVariable: Sendable {
    public var path: String
    public var documentation: String
    let scope: Scope
    /// `node` and `port` of `node.port`; a path has one dot at most.
    let group: String?
    let key: String

    /// Where the name is defined.
    enum Scope: Sendable {
        case always(@Sendable (ClusterSettings, RenderFacts) throws(QuotingError) -> TemplateValue)
        /// In the files of a node.
        case node(@Sendable (NodeSettings, ClusterSettings) -> TemplateValue)
        /// In the files of a node that runs in a container.
        case docker(@Sendable (NodeSettings, DockerSettings) -> TemplateValue)
        case sizing(@Sendable (Sizing) -> TemplateValue)
    }

    init(_ path: String, _ scope: Scope, _ documentation: String) {
        self.path = path
        let words = path.split(separator: ".", maxSplits: 1).map(String.init)
        group = words.count == 2 ? words[0] : nil
        key = words.last ?? path
        self.scope = scope
        self.documentation = documentation
    }

    /// In which files the name is defined.
    public var isDefinedIn: String {
        switch scope {
        case .always: "all files"
        case .node, .sizing: "files of a node"
        case .docker: "files of a docker node"
        }
    }
}

/// A variable with its value for one cluster or node.
public struct NamedValue: Sendable {
    public var variable: TemplateVariable
    public var value: TemplateValue
}

/// The variables of one cluster, and with them those of its nodes.
struct TemplateVariables: Sendable {
    private let settings: ClusterSettings
    /// Those that are the same in all files.
    private let shared: [NamedValue]

    init(settings: ClusterSettings, facts: RenderFacts) {
        self.settings = settings
        shared = TemplateVariable.all.compactMap { variable in
            guard case .always(let find) = variable.scope else { return nil }
            // A value that can't be said is undefined, and a template that needs it says so.
            return (try? find(settings, facts)).map { NamedValue(variable: variable, value: $0) }
        }
    }

    /// Of a node's files, or with nil of the cluster's own.
    func table(for node: NodeSettings?) -> [String: TemplateValue] {
        var table: [String: TemplateValue] = [:]
        var groups: [String: [String: TemplateValue]] = [:]
        for named in values(for: node) {
            if let group = named.variable.group {
                groups[group, default: [:]][named.variable.key] = named.value
            } else {
                table[named.variable.key] = named.value
            }
        }
        for (group, values) in groups { table[group] = .table(values) }
        return table
    }

    func values(for node: NodeSettings?) -> [NamedValue] {
        guard let node else { return shared }
        let sizing = Sizing(of: node, in: settings)
        return shared
            + TemplateVariable.all.compactMap { variable in
                let value: TemplateValue? =
                    switch variable.scope {
                    case .always: nil
                    case .node(let find): find(node, settings)
                    case .docker(let find): node.docker.map { find(node, $0) }
                    case .sizing(let find): find(sizing)
                    }
                return value.map { NamedValue(variable: variable, value: $0) }
            }
    }
}
