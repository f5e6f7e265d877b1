public import ClusterFile
import Foundation
import Synchronization

/// Where templates come from, by name: the cluster's own folder first, then the shipped one.
public struct TemplateFolder: Hashable, Sendable {
    /// `templates/` beside `cluster.yaml`; a file in it replaces the shipped one of that name.
    public var own: String?
    public var shipped: String

    public init(own: String?, shipped: String) {
        self.own = own
        self.shipped = shipped
    }

    public init(for settings: ClusterSettings, shippedIn share: ShareFolder) {
        self.init(own: settings.baseDirectory + "/templates", shipped: share.templates)
    }

    public init(for settings: ClusterSettings) throws(ShareFolderError) {
        self.init(for: settings, shippedIn: try ShareFolder.find())
    }

    /// The file that a name stands for.
    func path(of name: String) -> String {
        if let own, FileManager.default.fileExists(atPath: own + "/" + name) {
            return own + "/" + name
        }
        return shipped + "/" + name
    }
}

/// Templates by their folders and name, each looked for and read once.
public final class TemplateCache: Sendable {
    private struct Key: Hashable {
        var folder: TemplateFolder
        var name: String
    }

    private let templates = Mutex<[Key: Template]>([:])

    public init() {}

    /// The others wait for who reads: a template is one for all.
    func template(_ name: String, in folder: TemplateFolder) throws(RenderError) -> Template {
        let key = Key(folder: folder, name: name)
        return try templates.withLock { templates throws(RenderError) in
            if let known = templates[key] { return known }
            let template = try Self.read(folder.path(of: name))
            templates[key] = template
            return template
        }
    }

    private static func read(_ path: String) throws(RenderError) -> Template {
        let source: String
        do {
            source = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw RenderError(
                subject: "the template \(path)", because: "it cannot be read as UTF-8 text",
                next: "see that the file exists and is readable, or remove it from your templates")
        }
        do {
            return try Template(source, file: path)
        } catch {
            throw RenderError(error)
        }
    }
}
