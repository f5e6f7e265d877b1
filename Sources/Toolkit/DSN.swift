import ArgumentParser
import ClusterFile
import Quotation
import Rendering

struct DSN: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dsn",
        abstract: "Print the connection string for applications.",
        discussion: """
            It names all nodes; the client finds the primary by itself. With --read-only it takes \
            a standby while there is one. Passwords belong into a password file, never into it.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case libpq
        case uri
        case jdbc
    }

    @OptionGroup var options: ClusterOptions
    @Option(help: "For libpq and its wrappers, as a URI, or for the JDBC driver.")
    var format = Format.libpq
    @Option(help: "Database to connect to.")
    var database: String?
    @Option(help: "Role to connect as.")
    var user: String?
    @Flag(help: "Prefer a standby.")
    var readOnly = false

    func run() throws {
        let settings = try options.load().settings
        let string = ConnectionString(
            hosts: settings.nodes.map { (host: $0.host, port: $0.port) }, database: database,
            user: user, isReadOnly: readOnly)
        switch format {
        case .libpq:
            do {
                Console.say(try string.libpq)
            } catch {
                throw Failure(
                    ExitStatus.usage, "cannot write the connection string",
                    because: error.description, next: "choose another --user or --database")
            }
        case .uri: Console.say(string.uri)
        case .jdbc: Console.say(string.jdbc)
        }
    }
}
