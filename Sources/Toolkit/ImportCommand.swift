import ArgumentParser
import ClusterFile
import Foundation
import Glibc
import Import

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a cluster.yaml from another tool's files.",
        discussion: """
            Prints the cluster.yaml (or writes it to --output) and, to standard error (or output), \
            what became of each setting, what could not be carried over, and the plan of the \
            change-over and of the way back. No machine is asked but --monitor, no data are moved, \
            and no password is printed or carried over. docs/import.md has the tables.
            """,
        subcommands: [Repmgr.self, Patroni.self, PgAutoFailover.self])

    struct Repmgr: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "From the repmgr.conf of each node.")

        @OptionGroup var options: ImportCommandOptions

        func run() throws { try options.run(.repmgr) }
    }

    struct Patroni: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "From the patroni.yml of each node.",
            discussion: """
                Name the output of `patronictl show-config` as one more file: it is in force, and \
                `bootstrap.dcs` was used only when the cluster was made.
                """)

        @OptionGroup var options: ImportCommandOptions

        func run() throws { try options.run(.patroni) }
    }

    struct PgAutoFailover: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pg-auto-failover",
            abstract: "From the pg_autoctl.cfg of nodes and the monitor.",
            discussion: """
                What only the monitor knows is read from it (--monitor), or comes as JSON, in
                files of any name: pg_autoctl show state --json, or
                  psql -At -c 'SELECT json_agg(n) FROM pgautofailover.node n'
                  psql -At -c 'SELECT json_agg(f) FROM pgautofailover.formation f'
                It does not know the data directories: name at least one keeper's file.
                """)

        @OptionGroup var options: ImportCommandOptions
        @Option(
            help: ArgumentHelp(
                "Ask this monitor; its password comes from ~/.pgpass.", valueName: "conninfo"))
        var monitor: String?
        @Option(
            help: ArgumentHelp(
                "Formation, where the monitor has more than one.", valueName: "name"))
        var formation: String?

        func validate() throws {
            if formation != nil, monitor == nil {
                throw ValidationError("--formation needs --monitor.")
            }
        }

        func run() async throws {
            let rows = monitor.map { ImportMonitor(conninfo: $0, formation: formation) }
            try options.run(.pgAutoFailover, with: try await rows?.files() ?? [])
        }
    }
}

struct ImportCommandOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The files, one or more per node.", valueName: "file"))
    var files: [String]
    @Option(help: "Name of the cluster, where the files have none or another is wanted.")
    var cluster: String?
    @Option(
        help: ArgumentHelp(
            "Major version of PostgreSQL, where no path tells it.", valueName: "version"))
    var postgresql: Int?
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Write the cluster.yaml there, for you alone.", valueName: "file"))
    var output: String?
    @Flag(help: "Overwrite the file of --output.") var force = false
    @Flag(help: "Everything as one JSON document.") var json = false

    func validate() throws {
        if force, output == nil { throw ValidationError("--force needs --output.") }
    }

    func run(_ source: ImportSource, with rows: [ImportFile] = []) throws {
        let imported = try Importer.run(
            source, files.map(read) + rows,
            options: ImportOptions(cluster: cluster, postgresqlVersion: postgresql))
        if let output { try write(imported.clusterYAML, to: output) }
        let text = ImportText(imported, isColoured: Console.isTerminal)
        if json {
            Console.say(json: ImportDocument(imported, output: output))
        } else if let output {
            Console.say(text.report)
            Console.say("\nwrote \(output)")
        } else {
            Console.say(String(imported.clusterYAML.dropLast()))
            Console.note(text.report)
        }
    }

    private func read(_ path: String) throws -> ImportFile {
        func failure(_ because: String) -> Failure {
            Failure(
                ExitStatus.configuration, "cannot read \(path)", because: because,
                next: "name a readable text file")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let data: Data
        do {
            data = try file.read(upToCount: Self.bytesMax + 1) ?? Data()
        } catch {
            throw failure("it is no file that can be read")
        }
        guard data.count <= Self.bytesMax else {
            throw failure("it has more than \(Self.bytesMax >> 20) MB")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw failure("it is no UTF-8 text")
        }
        return ImportFile(path: path, text: text)
    }

    private static let bytesMax = 4 << 20

    /// Written beside and renamed, so that an interrupted write leaves the old file.
    private func write(_ text: String, to path: String) throws {
        func failure(_ because: String, _ next: String) -> Failure {
            Failure(ExitStatus.failed, "cannot write \(path)", because: because, next: next)
        }
        let beside = force ? "\(path).new.\(getpid())" : path
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw errno == EEXIST
                ? failure("it exists already", "add --force, or name another file with --output")
                : failure(
                    String(cString: strerror(errno)), "name a file in a writable folder")
        }
        do {
            let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            try file.write(contentsOf: Data(text.utf8))
            try file.synchronize()
        } catch {
            unlink(beside)
            throw failure(error.localizedDescription, "make room there")
        }
        if force, rename(beside, path) != 0 {
            let because = String(cString: strerror(errno))
            unlink(beside)
            throw failure(because, "name a file in a writable folder")
        }
    }
}
