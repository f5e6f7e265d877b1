import ClusterFile
import Deployment
import FailoverCore
import Rendering

/// One call of `toolkit render`: which clusters, which node, which files.
struct RenderJob {
    let clusters: [ClusterFile.Loaded]
    /// Whether they are those of a folder, and each has a folder of its own in the output.
    let isFolder: Bool
    let node: NodeID?
    let entries: [CatalogueEntry]
    let shipped: ShareFolder
    private let cache = TemplateCache()

    init(
        clusters: [ClusterFile.Loaded], isFolder: Bool, node: NodeID?, entries: [CatalogueEntry],
        shipped: ShareFolder
    ) {
        self.clusters = clusters
        self.isFolder = isFolder
        self.node = node
        self.entries = entries
        self.shipped = shipped
    }

    func write(to directory: String) throws {
        var folders: Set<String> = []
        try forEachFile { place, file in
            let folder = place.isEmpty ? directory : "\(directory)/\(place)"
            if folders.insert(folder).inserted { try OutputFolder.make(folder) }
            let path = "\(folder)/\(file.name)"
            try OutputFolder.write(file, to: path)
            Console.say(path)
        }
    }

    /// Each file under a line with its name, unless it is the only one.
    func print() throws {
        let isAlone = clusters.count == 1 && entries.count == 1 && hasOnePlace
        try forEachFile { place, file in
            let name = place.isEmpty ? file.name : "\(place)/\(file.name)"
            guard Catalogue.entry(named: file.name)?.isSecret != true else {
                return Console.note("\(name) is not printed: it holds passwords")
            }
            if !isAlone { Console.say("==> \(name)") }
            Console.say(file.contents, end: "")
        }
    }

    func check() throws {
        var count = 0
        try forEachFile { _, _ in count += 1 }
        let names =
            clusters.count == 1 ? clusters[0].settings.cluster : "\(clusters.count) clusters"
        Console.say("\(count) files of \(names) can be rendered; nothing was written")
    }

    func listVariables() throws {
        for loaded in clusters {
            let settings = loaded.settings
            let example = try node.map { try settings.checked($0) } ?? settings.nodes.first
            var table = Table(["VARIABLE", "VALUE", "MEANING"])
            for named in try renderer(for: settings).variables(for: example?.id) {
                table.add([
                    named.variable.path, named.value.summary, named.variable.documentation,
                ])
            }
            Console.say(table.text(isColoured: false))
        }
    }

    func diff() async throws {
        var found: [RenderDiff.Found] = []
        for loaded in clusters { found += try await look(at: loaded.settings) }
        try RenderDiff.report(found)
    }

    /// One cluster after the other: the first failure stops it.
    func apply(isAgreed: Bool) async throws {
        for loaded in clusters {
            let settings = loaded.settings
            try await RenderApply(
                settings: settings, deployment: try settings.deployment,
                found: try await look(at: settings), isAgreed: isAgreed
            ).run()
        }
    }

    private func look(at settings: ClusterSettings) async throws -> [RenderDiff.Found] {
        let comparable = Set(Catalogue.comparable)
        return try await RenderDiff(
            renderer: try renderer(for: settings), deployment: try settings.deployment,
            nodes: try node.map { [try settings.checked($0)] } ?? settings.nodes,
            entries: entries.filter(comparable.contains)
        ).look()
    }

    private var hasOnePlace: Bool {
        node != nil || clusters[0].settings.nodes.count == 1
            || entries.allSatisfy { $0.scope == .cluster }
    }

    /// In the order of the clusters, each with its nodes first. What can't be made yet is said on
    /// standard error.
    private func forEachFile(_ body: (_ place: String, RenderedFile) throws -> Void) throws {
        var leftOut: [String: String] = [:]
        var count = 0
        func take(_ output: Renderer.Output, _ place: String) throws {
            leftOut.merge(output.leftOut) { first, _ in first }
            count += output.files.count
            for file in output.files { try body(place, file) }
        }
        for loaded in clusters {
            let settings = loaded.settings
            let renderer = try renderer(for: settings)
            let prefix = isFolder ? settings.cluster : ""
            let nodes = try node.map { [try settings.checked($0)] } ?? settings.nodes
            for node in nodes {
                let place = prefix.isEmpty ? node.id.rawValue : "\(prefix)/\(node.id)"
                try take(renderer.render(entries, for: node), place)
            }
            if node == nil { try take(renderer.renderCluster(entries), prefix) }
        }
        for (name, reason) in leftOut.sorted(by: { $0.key < $1.key }) {
            Console.note("\(name) is left out: \(reason)")
        }
        guard count > 0 else {
            throw Failure(
                ExitStatus.failed, "cannot render \(entries.map(\.name).joined(separator: ", "))",
                because: leftOut.isEmpty
                    ? "no node has such a file" : "it is left out, as said above",
                next: "leave --only or --node out")
        }
    }

    private func renderer(for settings: ClusterSettings) throws -> Renderer {
        Renderer(
            settings: settings, templates: TemplateFolder(for: settings, shippedIn: shipped),
            facts: RenderFacts.onThisMachine(for: settings), cache: cache)
    }
}
