import ArgumentParser
import Execution
import Testing

@testable import Toolkit

@Suite("Help")
struct HelpTests {
    @Test func rootScreen() {
        #expect(Toolkit.helpMessage(columns: 80) == Self.screen)
    }

    @Test func everyCommandSaysWhatItDoes() {
        for command in Self.commands(below: Toolkit.self) {
            let abstract = command.configuration.abstract
            #expect(abstract.hasSuffix("."), "\(command)")
            #expect(abstract.count <= 60, "\(command)")
        }
    }

    /// A line that the screen breaks has to be a whole paragraph: otherwise it breaks in mid-sentence,
    /// and then again where the source did.
    @Test func noDiscussionIsBrokenTwice() {
        for command in [Toolkit.self] + Self.commands(below: Toolkit.self) {
            for line in command.configuration.discussion.split(separator: "\n")
            where line.count > 80 {
                #expect(line.hasSuffix("."), "\(command): \(line)")
            }
        }
    }

    /// The screen comes from the declarations alone: nothing is read or opened for it. Processor
    /// time is measured, because other tests run beside this one.
    @Test func takesAtMostFiftyMilliseconds() async throws {
        let script = #""$1" --help >/dev/null && times"#
        var best = Double.infinity
        for _ in 0..<10 where best > 0.05 {
            let result = try await LocalRunner().run(
                Command(
                    ["/bin/sh", "-c", script, "sh", ToolkitProgram.path], timeout: .seconds(60)))
            // The second line is that of the children: `0m0.012s 0m0.008s`.
            let words = result.output.split(separator: "\n").last?.split(separator: " ") ?? []
            let seconds = words.compactMap { word in
                word.split(separator: "m").last.flatMap { Double($0.dropLast()) }
            }
            try #require(seconds.count == 2, "\(result.output)\(result.errorOutput)")
            best = min(best, seconds[0] + seconds[1])
        }
        #expect(best <= 0.05)
    }

    private static func commands(
        below command: any ParsableCommand.Type
    ) -> [any ParsableCommand.Type] {
        let configuration = command.configuration
        let children =
            configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
        return children.flatMap { [$0] + commands(below: $0) }
    }

    static let screen = """
        OVERVIEW: Keeps PostgreSQL clusters writable.

        One scheduler watches every node, moves the primary when it is lost, and brings
        old primaries back. Nothing runs on the nodes but PostgreSQL and sshd.

        USAGE: toolkit <subcommand>

        OPTIONS:
          --version               Show the version.
          -h, --help              Show help information.

        SET-UP SUBCOMMANDS:
          init                    Write a commented cluster.yaml to edit.
          import                  Make a cluster.yaml from another tool's files.
          check                   Check cluster.yaml and the machines of its nodes.
          deploy                  Bring the cluster up on its machines.
          undeploy                Take back what `deploy` made; data stay.
          render                  Render configuration, units, containers and DSNs.

        WATCHING SUBCOMMANDS:
          run                     Run the scheduler in the foreground.
          state                   Show the cluster as it is now.
          events                  Print what happened, and which rule decided it.

        OPERATING SUBCOMMANDS:
          switchover              Move the primary to another node.
          failover                Replace a primary that is lost, now.
          rejoin                  Bring a node back now.
          maintenance             Leave a node to you, or take it back.
          pause                   Do nothing on any node until `resume`.
          resume                  Go on after `pause`.
          dsn                     Print the connection string for applications.

        LOOKING INSIDE SUBCOMMANDS:
          hook                    List, write, check, try and run the hooks.
          fsm                     Show the rules and transitions of this binary.
          config                  Explain the settings of cluster.yaml.

        TRYING SUBCOMMANDS:
          demo                    Break three real nodes on this machine and mend them.

          See 'toolkit help <subcommand>' for detailed help.
        """
}
