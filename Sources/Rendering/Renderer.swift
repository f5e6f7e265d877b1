public import ClusterFile
public import FailoverCore

/// Turns `cluster.yaml` and the templates into the configuration files of each node.
public struct Renderer: Sendable {
    public let settings: ClusterSettings
    public let templates: TemplateFolder

    public init(settings: ClusterSettings, templates: TemplateFolder) {
        self.settings = settings
        self.templates = templates
    }

    /// The names of the rendered files; each has its template, `<name>.tmpl`.
    public static let fileNames = ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"]

    /// postgresql.conf, pg_hba.conf and pg_ident.conf of one node, in this order.
    public func files(for id: NodeID) throws(RenderError) -> [RenderedFile] {
        guard let node = settings.node(id) else {
            let known = settings.nodes.map(\.id.rawValue).joined(separator: ", ")
            throw RenderError(
                subject: "files for \(id)", because: "the cluster has no such node",
                next: "name one of \(known)")
        }
        let variables = TemplateVariables(settings: settings, node: node).table
        var files: [RenderedFile] = []
        for name in Self.fileNames {
            let template = try templates.template(named: name + ".tmpl")
            do {
                files.append(
                    RenderedFile(
                        name: name, path: node.configDirectory + "/" + name,
                        contents: try template.render(variables), mode: 0o600))
            } catch {
                throw RenderError(error, of: id)
            }
        }
        return files
    }
}

/// One file as it has to lie on a node, owned by the user that PostgreSQL runs as.
public struct RenderedFile: Hashable, Sendable {
    public var name: String
    /// Absolute, on the node.
    public var path: String
    public var contents: String
    /// Users' parameters may hold secrets: readable for the owner alone.
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
