import ArgumentParser
import Glibc

struct Toolkit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "toolkit",
        abstract: "Keeps PostgreSQL clusters writable.",
        discussion: """
            One scheduler watches every node, moves the primary when it is lost, and brings old \
            primaries back. Nothing runs on the nodes but PostgreSQL and sshd.
            """,
        version: Version.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Set-up",
                subcommands: [
                    Init.self, ImportCommand.self, Check.self, Deploy.self, Undeploy.self,
                    Render.self,
                ]),
            CommandGroup(name: "Watching", subcommands: [Run.self, State.self, Events.self]),
            CommandGroup(
                name: "Operating",
                subcommands: [
                    Switchover.self, Failover.self, Rejoin.self, Maintenance.self, Pause.self,
                    Resume.self, DSN.self,
                ]),
            CommandGroup(
                name: "Looking inside", subcommands: [Hook.self, FSM.self, Config.self]),
            CommandGroup(name: "Trying", subcommands: [DemoCommand.self]),
        ])
}

enum Version {
    static let text = "0.1.0"
}

/// The program: parses, calls, and ends with the status that says how it went.
@main
enum Program {
    static func main() async {
        do {
            var command = try Toolkit.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            leave(.success)
        } catch let status as ExitCode {
            leave(status)
        } catch {
            guard let failure = Failure(error) else { Toolkit.exit(withError: error) }
            Console.complain(failure)
            leave(failure.status)
        }
    }

    /// Without the libraries' handlers of exit: they would take OpenSSL away from SSH sessions that
    /// another thread closes at that moment.
    private static func leave(_ status: ExitCode) -> Never {
        fflush(nil)
        _exit(status.rawValue)
    }
}
