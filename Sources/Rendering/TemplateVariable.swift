import ClusterFile

/// One name that templates may use: its path, what it means, and how it is found out. The
/// reference, `--list-variables` and the values come from this one declaration.
public struct TemplateVariable: Sendable {
    public var path: String
    public var documentation: String
    let scope: Scope

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

/// The variables that are defined for one file.
struct TemplateVariables {
    let settings: ClusterSettings
    /// Nil for the cluster's own files.
    let node: NodeSettings?
    let facts: RenderFacts

    /// A path has one dot at most: `node.port` is `port` in the table `node`.
    var table: [String: TemplateValue] {
        var table: [String: TemplateValue] = [:]
        var groups: [String: [String: TemplateValue]] = [:]
        for named in values {
            let words = named.variable.path.split(separator: ".", maxSplits: 1).map(String.init)
            if words.count == 1 {
                table[words[0]] = named.value
            } else {
                groups[words[0], default: [:]][words[1]] = named.value
            }
        }
        return table.merging(groups.mapValues(TemplateValue.table)) { alone, _ in alone }
    }

    var values: [NamedValue] {
        let sizing = node.map { Sizing(of: $0, in: settings) }
        return TemplateVariable.all.compactMap { variable in
            value(of: variable, sizing).map { NamedValue(variable: variable, value: $0) }
        }
    }

    private func value(of variable: TemplateVariable, _ sizing: Sizing?) -> TemplateValue? {
        switch variable.scope {
        // A value that can't be said is undefined, and a template that needs it says so.
        case .always(let find): try? find(settings, facts)
        case .node(let find): node.map { find($0, settings) }
        case .docker(let find): node.flatMap { node in node.docker.map { find(node, $0) } }
        case .sizing(let find): sizing.map(find)
        }
    }
}
