import ArgumentParser
import ClusterFile
import FailoverCore
import Foundation
import Rendering

struct Render: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Render the configuration of the nodes into a folder.",
        discussion: """
            Writes DIR/NODE/postgresql.conf, pg_hba.conf and pg_ident.conf, readable for you alone.
            The nodes are not touched: `toolkit deploy` puts the same files there.
            """)

    @OptionGroup var options: ClusterOptions
    @Option(name: [.short, .long], help: ArgumentHelp("Folder to write to.", valueName: "dir"))
    var output: String
    @Option(help: "This node alone.")
    var node: NodeID?

    func run() throws {
        let settings = try options.load().settings
        let renderer = Renderer(
            settings: settings, templates: try TemplateFolder(for: settings))
        let nodes = try node.map { [try settings.checked($0)] } ?? settings.nodes
        for node in nodes {
            let folder = "\(output)/\(node.id)"
            let files = try renderer.files(for: node.id)
            do {
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true)
                for file in files { try write(file, "\(folder)/\(file.name)") }
            } catch {
                throw Failure(
                    ExitStatus.failed, "cannot write to \(folder)",
                    because: error.localizedDescription,
                    next: "name a writable folder with --output")
            }
        }
    }

    private func write(_ file: RenderedFile, _ path: String) throws {
        try Data(file.contents.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        try FileManager.default.setAttributes(
            [.posixPermissions: file.mode], ofItemAtPath: path)
        Console.say(path)
    }
}
