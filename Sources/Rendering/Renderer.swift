public import ClusterFile
public import FailoverCore
import Quotation

/// Turns `cluster.yaml` and the templates into the files of the catalogue.
public struct Renderer: Sendable {
    public let settings: ClusterSettings
    public let templates: TemplateFolder
    public let facts: RenderFacts
    private let cache: TemplateCache
    private let variables: TemplateVariables

    /// Renderers that share a `cache` read each template once.
    public init(
        settings: ClusterSettings, templates: TemplateFolder, facts: RenderFacts = RenderFacts(),
        cache: TemplateCache = TemplateCache()
    ) {
        self.settings = settings
        self.templates = templates
        self.facts = facts
        self.cache = cache
        variables = TemplateVariables(settings: settings, facts: facts)
    }

    /// What was rendered, and what could not be yet.
    public struct Output: Hashable, Sendable {
        public var files: [RenderedFile] = []
        /// By name, with the reason.
        public var leftOut: [String: String] = [:]
    }

    /// The configuration that `deploy` puts on one node.
    public func files(for id: NodeID) throws(RenderError) -> [RenderedFile] {
        try render(Catalogue.configuration, for: try node(id)).files
    }

    /// The entries that are files of this node.
    public func render(
        _ entries: [CatalogueEntry], for node: NodeSettings
    ) throws(RenderError) -> Output {
        let wanted = entries.filter { $0.scope == .node && $0.applies(to: node) }
        return try render(wanted, node)
    }

    /// The entries that are files of the cluster as a whole.
    public func renderCluster(_ entries: [CatalogueEntry]) throws(RenderError) -> Output {
        try render(entries.filter { $0.scope == .cluster }, nil)
    }

    /// What templates may name, with values: for one node, or for the cluster's own files.
    public func variables(for id: NodeID?) throws(RenderError) -> [NamedValue] {
        var node: NodeSettings?
        if let id { node = try self.node(id) }
        return variables.values(for: node)
    }

    private func node(_ id: NodeID) throws(RenderError) -> NodeSettings {
        guard let node = settings.node(id) else {
            let known = settings.nodes.map(\.id.rawValue).joined(separator: ", ")
            throw RenderError(
                subject: "files for \(id)", because: "the cluster has no such node",
                next: "name one of \(known)")
        }
        return node
    }

    private func render(
        _ entries: [CatalogueEntry], _ node: NodeSettings?
    ) throws(RenderError) -> Output {
        var output = Output()
        guard !entries.isEmpty else { return output }
        let table = variables.table(for: node)
        for entry in entries {
            if let reason = facts.missing(for: entry) {
                output.leftOut[entry.name] = reason
                continue
            }
            output.files.append(
                RenderedFile(
                    name: entry.name, path: entry.path(on: node, in: settings) ?? entry.name,
                    contents: try contents(of: entry, node, table), mode: entry.mode))
        }
        return output
    }

    private func contents(
        of entry: CatalogueEntry, _ node: NodeSettings?, _ table: [String: TemplateValue]
    ) throws(RenderError) -> String {
        switch entry.source {
        case .passwords: return facts.passwordFile ?? ""
        case .firstNodeConf:
            do {
                return try NodeFiles.nodeConf(
                    stamp: Stamp(term: Term(0), step: Revision(1)), upstream: nil,
                    postgresMajor: settings.postgresql.version)
            } catch {
                throw RenderError(
                    subject: entry.name, because: error.description,
                    next: "correct the setting in cluster.yaml")
            }
        case .template:
            let template = try cache.template(entry.name + ".tmpl", in: templates)
            let text: String
            do {
                text = try template.render(table)
            } catch {
                throw RenderError(error, of: node?.id)
            }
            if entry.name == "postgresql.conf", let node {
                try refuseWithoutIncludes(text, node, template.file)
            }
            return text
        }
    }

    /// Without node.conf, or with something behind it, a node is neither locked nor follows, and its commits
    /// wait for nobody.
    private func refuseWithoutIncludes(
        _ text: String, _ node: NodeSettings, _ template: String
    ) throws(RenderError) {
        let wanted: [String]
        do {
            wanted = [
                "include " + (try Quoting.confValue(NodeFiles.nodePath(of: node))),
                "include_if_exists " + (try Quoting.confValue(NodeFiles.openPath(of: node))),
            ]
        } catch {
            throw RenderError(
                subject: "postgresql.conf of \(node.id)", because: error.description,
                next: "correct the folders in cluster.yaml")
        }
        let lines = text.split(separator: "\n").map { line in
            line.drop { $0.isWhitespace }
        }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard lines.suffix(2).map(String.init) != wanted else { return }
        throw RenderError(
            subject: "postgresql.conf of \(node.id)",
            because: "its last two lines are not those that include node.conf and open.conf: "
                + "the node would be neither locked nor a standby",
            next: "end \(template) with `include {{ files.node | conf }}` and "
                + "`include_if_exists {{ files.open | conf }}`")
    }
}

/// One file as it has to lie in its place.
public struct RenderedFile: Hashable, Sendable {
    public var name: String
    /// Absolute, on its machine; its name where it has no place of its own.
    public var path: String
    public var contents: String
    /// Users' parameters may hold secrets: what the server reads is for its owner alone.
    public var mode: Int

    public init(name: String, path: String, contents: String, mode: Int) {
        self.name = name
        self.path = path
        self.contents = contents
        self.mode = mode
    }
}

/// Why there are no files for a node.
public struct RenderError: Error, Hashable, Sendable, CustomStringConvertible {
    public let subject: String
    public let because: String
    public let next: String

    public var description: String {
        """
        cannot render \(subject)
          because \(because)
          next: \(next)
        """
    }

    init(subject: String, because: String, next: String) {
        self.subject = subject
        self.because = because
        self.next = next
    }

    init(_ error: TemplateError, of node: NodeID? = nil) {
        self.init(
            subject: node.map { "the configuration of \($0)" } ?? "the template \(error.file)",
            because: error.description,
            next: "correct the template, or the setting in cluster.yaml that it writes out")
    }
}
