import ClusterFile
import Deployment
import FailoverCore
import Rendering
import Scheduler
import Store

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
        try withEverything { clusters in
            let written = clusters.mapOnAllProcessors { rendered in
                Result { try Self.write(rendered, to: directory) }
            }
            let paths = written.flatMap { (try? $0.get()) ?? [] }
            if !paths.isEmpty { Console.say(paths.joined(separator: "\n")) }
            for result in written { _ = try result.get() }
            for rendered in clusters { noteStale(rendered, in: directory) }
        }
    }

    /// A node that runs in a container no more has no use for the files of one.
    private func noteStale(_ rendered: Rendered, in directory: String) {
        guard entries.count == Catalogue.all.count else { return }
        for (place, files) in Dictionary(grouping: rendered.files, by: \.place).sorted(by: {
            $0.key < $1.key
        }) where !place.isEmpty {
            let names = Set(files.map(\.file.name))
            for entry in entries
            where entry.scope == .node && !names.contains(entry.name)
                && rendered.leftOut[entry.name] == nil
            {
                let path = "\(directory)/\(place)/\(entry.name)"
                if let said = OutputFolder.removeStale(path) { Console.note(said) }
            }
        }
    }

    /// Each file under a line with its name, unless it is the only one.
    func print() throws {
        let isAlone = clusters.count == 1 && entries.count == 1 && hasOnePlace
        try withEverything { clusters in
            for (place, file) in clusters.flatMap(\.files) {
                let name = place.isEmpty ? file.name : "\(place)/\(file.name)"
                guard Catalogue.entry(named: file.name)?.isSecret != true else {
                    Console.note("\(name) is not printed: it holds passwords")
                    continue
                }
                if !isAlone { Console.say("==> \(name)") }
                Console.say(file.contents, end: "")
            }
        }
    }

    func check() throws {
        try withEverything { rendered in
            let names =
                clusters.count == 1 ? clusters[0].settings.cluster : "\(clusters.count) clusters"
            let count = rendered.reduce(0) { $0 + $1.files.count }
            guard count > 0 else { return }
            Console.say("\(count) files of \(names) can be rendered; nothing was written")
        }
    }

    func listVariables(asJSON: Bool) throws {
        let lists = try clusters.map { loaded in
            let settings = loaded.settings
            let example = try node.map { try settings.checked($0) } ?? settings.nodes.first
            return VariableList(
                cluster: settings.cluster, node: example?.id,
                values: try renderer(for: settings).variables(for: example?.id))
        }
        if asJSON {
            guard let first = lists.first, !isFolder else { return Console.say(json: lists) }
            return Console.say(json: first)
        }
        for list in lists {
            if node == nil { Console.note(list.title + "; --node names another") }
            Console.say(list.text)
        }
    }

    func diff(named: [String], asJSON: Bool) async throws {
        var found: [RenderDiff.Found] = []
        for loaded in clusters { found += try await look(at: loaded.settings) }
        try RenderDiff.report(found, named: named, asJSON: asJSON)
    }

    /// One cluster after the other: the first failure stops it.
    func apply(_ consent: Consent, asJSON: Bool) async throws {
        for loaded in clusters {
            let settings = loaded.settings
            let deployment = try settings.deployment
            let store = SchedulerPaths(settings).store
            let lock = consent.dryRun ? nil : try SchedulerLock.ofChanges(storePath: store)
            defer { withExtendedLifetime(lock) {} }
            let found = try await look(at: settings)
            try RenderDiff.refuseNothing(found)
            var apply = RenderApply(
                deployment: deployment,
                plan: try await RenderPlan(settings, deployment, found, entries: comparable),
                consent: consent, isJSON: asJSON)
            try await apply.run()
        }
    }

    private var comparable: [CatalogueEntry] {
        let comparable = Set(Catalogue.comparable)
        return entries.filter(comparable.contains)
    }

    private func look(at settings: ClusterSettings) async throws -> [RenderDiff.Found] {
        try await RenderDiff(
            settings: settings, renderer: try renderer(for: settings),
            deployment: try settings.deployment,
            nodes: try node.map { [try settings.checked($0)] } ?? settings.nodes,
            entries: comparable
        ).look()
    }

    private var hasOnePlace: Bool {
        node != nil || clusters[0].settings.nodes.count == 1
            || entries.allSatisfy { $0.scope == .cluster }
    }

    private struct Rendered: Sendable {
        /// The nodes' first.
        var files: [(place: String, file: RenderedFile)] = []
        /// By name, with the reason.
        var leftOut: [String: String] = [:]

        mutating func take(_ output: Renderer.Output, _ place: String) {
            leftOut.merge(output.leftOut) { first, _ in first }
            files += output.files.map { (place, $0) }
        }
    }

    /// Renders all before `body` sees any of it: when one can't be rendered, nothing was done.
    /// What can't be made yet is said on standard error.
    private func withEverything(_ body: ([Rendered]) throws -> Void) throws {
        let results = clusters.mapOnAllProcessors { loaded in
            Result { try render(loaded.settings) }
                .mapError { naming(loaded.settings.cluster, $0) }
        }
        let rendered = try results.map { try $0.get() }
        try body(rendered)
        let leftOut = rendered.reduce(into: [:]) { all, next in
            all.merge(next.leftOut) { first, _ in first }
        }
        for (name, reason) in leftOut.sorted(by: { $0.key < $1.key }) {
            Console.note("\(name) is left out: \(reason)")
        }
        guard rendered.contains(where: { !$0.files.isEmpty }) else {
            throw Failure(
                ExitStatus.failed, "cannot render \(entries.map(\.name).joined(separator: ", "))",
                because: leftOut.isEmpty ? whyNone : "it is left out, as said above",
                next: "leave --only or --node out")
        }
    }

    private var whyNone: String {
        guard let node else { return "no node is of the kind that has such a file" }
        return entries.allSatisfy { $0.scope == .cluster }
            ? "that is the whole cluster's, and none of \(node) alone"
            : "\(node) is not of the kind that has such a file"
    }

    /// Nodes of all clusters may have the same names.
    private func naming(_ cluster: String, _ error: any Error) -> any Error {
        guard isFolder, let error = error as? RenderError else { return error }
        return Failure(
            ExitStatus.failed, "cannot render \(error.subject) of \(cluster)",
            because: error.because, next: error.next)
    }

    private func render(_ settings: ClusterSettings) throws -> Rendered {
        var rendered = Rendered()
        let renderer = try renderer(for: settings)
        let prefix = isFolder ? settings.cluster : ""
        for node in try node.map({ [try settings.checked($0)] }) ?? settings.nodes {
            let place = prefix.isEmpty ? node.id.rawValue : "\(prefix)/\(node.id)"
            rendered.take(try renderer.render(entries, for: node), place)
        }
        if node == nil { rendered.take(try renderer.renderCluster(entries), prefix) }
        return rendered
    }

    /// The paths that it wrote.
    private static func write(
        _ rendered: Rendered, to directory: String
    ) throws(Failure) -> [String] {
        var last: String?
        var paths: [String] = []
        for (place, file) in rendered.files {
            let folder = place.isEmpty ? directory : "\(directory)/\(place)"
            if folder != last { try OutputFolder.make(folder) }
            last = folder
            let path = "\(folder)/\(file.name)"
            try OutputFolder.write(file, to: path)
            paths.append(path)
        }
        return paths
    }

    private func renderer(for settings: ClusterSettings) throws -> Renderer {
        Renderer(
            settings: settings, templates: TemplateFolder(for: settings, shippedIn: shipped),
            facts: RenderFacts.onThisMachine(for: settings), cache: cache)
    }
}
