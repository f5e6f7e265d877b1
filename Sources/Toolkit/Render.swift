import ArgumentParser
import ClusterFile
import Deployment
import FailoverCore
import Foundation
import Rendering

struct Render: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Render configuration, units, containers and DSNs.",
        discussion: """
            With --output writes DIR/NODE/FILE for each node and DIR/FILE for the cluster, readable
            for you alone where they hold what the server reads. With --config FOLDER renders every
            cluster of that folder into DIR/CLUSTER, or none. --diff ends with 2 when a node has
            other files. --apply tests, replaces and reloads, and asks before it restarts anything.
            """)

    @OptionGroup var options: ClusterOptions
    @Option(name: [.short, .long], help: ArgumentHelp("Folder to write to.", valueName: "dir"))
    var output: String?
    @Option(help: "This node alone, without the cluster's own files.")
    var node: NodeID?
    @Option(
        help: ArgumentHelp("This file alone; may be given more than once.", valueName: "file"))
    var only: [String] = []
    @Flag(help: "Print the files instead; passwords are left out.") var stdout = false
    @Flag(help: "Compare with what lies on the nodes.") var diff = false
    @Flag(help: "Put what differs on the nodes.") var apply = false
    @Flag(name: [.short, .long], help: "With --apply, do not ask.") var yes = false
    @Flag(help: "Render everything, write nothing.") var check = false
    @Flag(help: "Print every variable of templates with its value.") var listVariables = false

    func validate() throws {
        let ways = [output != nil, stdout, diff, apply, check, listVariables].count { $0 }
        guard ways == 1 else {
            throw ValidationError(
                "Say what to do: one of --output DIR, --stdout, --diff, --apply, --check, "
                    + "--list-variables.")
        }
        if yes, !apply { throw ValidationError("--yes belongs to --apply.") }
        for name in only where Catalogue.entry(named: name) == nil {
            let known = Catalogue.all.map(\.name).joined(separator: ", ")
            throw ValidationError("There is no file '\(name)'. Known: \(known).")
        }
    }

    func run() async throws {
        let job = RenderJob(
            clusters: try options.loadAll(), isFolder: try options.isFolder, node: node,
            entries: entries, shipped: try ShareFolder.find())
        if listVariables { return try job.listVariables() }
        if let output { return try job.write(to: output) }
        if stdout { return try job.print() }
        if diff { return try await job.diff() }
        if apply { return try await job.apply(isAgreed: yes) }
        try job.check()
    }

    private var entries: [CatalogueEntry] {
        only.isEmpty ? Catalogue.all : only.compactMap(Catalogue.entry)
    }
}
