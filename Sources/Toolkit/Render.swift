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
            With --output writes DIR/NODE/FILE for each node and DIR/FILE for the cluster, readable for \
            you alone where they hold what the server reads. With --config FOLDER renders every cluster \
            of that folder into DIR/CLUSTER, or none. --diff ends with 2 when a node has other files. \
            --apply tests, replaces and reloads, and asks before it restarts anything; again, it goes on \
            where it stopped.
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
    @Flag(help: "Render everything, write nothing.") var check = false
    @Flag(help: "Print every variable of templates with its value.") var listVariables = false
    @Flag(help: "As JSON: --diff, the plan of --apply, --list-variables.") var json = false
    @OptionGroup var consent: Consent

    func validate() throws {
        let ways = [output != nil, stdout, diff, apply, check, listVariables].count { $0 }
        guard ways == 1 else {
            throw ValidationError(
                "Say \(ways == 0 ? "what to do: one" : "only one") of --output DIR, --stdout, "
                    + "--diff, --apply, --check, --list-variables.")
        }
        if consent.yes, !apply { throw ValidationError("--yes belongs to --apply.") }
        if consent.dryRun, !apply { throw ValidationError("--dry-run belongs to --apply.") }
        if json, !(diff || apply || listVariables) {
            throw ValidationError("--json belongs to --diff, --apply and --list-variables.")
        }
        for name in only where Catalogue.entry(named: name) == nil {
            let known = Catalogue.all.map(\.name).joined(separator: ", ")
            throw ValidationError("There is no file '\(name)'. Known: \(known).")
        }
        if diff || apply { try only.compactMap(Catalogue.entry).forEach(checkComparable) }
    }

    /// What is never looked for on a node can't be said to be as rendered.
    private func checkComparable(_ entry: CatalogueEntry) throws(ValidationError) {
        let way = diff ? "--diff" : "--apply"
        guard Catalogue.comparable.contains(entry) else {
            let why =
                switch (entry.scope, entry.installer) {
                case (.cluster, _): "it is a file of the whole cluster, not of a node"
                case (_, .nodeApply): "it carries what the scheduler last decided"
                default: "it has no place of its own on a node"
                }
            throw ValidationError("\(way) leaves '\(entry.name)' out: \(why).")
        }
        guard diff || entry.installer == .deploy else {
            throw ValidationError(
                "\(way) leaves '\(entry.name)' to you: putting it there needs root.")
        }
    }

    func run() async throws {
        let job = RenderJob(
            clusters: try options.loadAll(), isFolder: try options.isFolder, node: node,
            entries: entries, shipped: try ShareFolder.find())
        if listVariables { return try job.listVariables(asJSON: json) }
        if let output { return try job.write(to: output) }
        if stdout { return try job.print() }
        if diff { return try await job.diff(named: only, asJSON: json) }
        if apply { return try await job.apply(consent, asJSON: json) }
        try job.check()
    }

    private var entries: [CatalogueEntry] {
        only.isEmpty ? Catalogue.all : only.compactMap(Catalogue.entry)
    }
}
