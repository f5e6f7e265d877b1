import ArgumentParser
import ClusterFile
import FailoverCore
import Foundation

struct Switchover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Move the primary to another node.",
        discussion: """
            Ends the sessions of the locked primary, opens the other node with all of its commits, \
            and brings the old one back as a standby. Undone, or named, when it does not finish in \
            time.
            """)

    @OptionGroup var options: ClusterOptions
    @Option(help: "The node to move it to (default: the best standby).") var to: NodeID?
    @OptionGroup var consent: Consent

    func run() async throws {
        let settings = try options.settings()
        if let to { _ = try settings.checked(to) }
        try await Operation(settings: settings, command: .switchover(to: to)).run(consent)
    }
}

struct Rejoin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a node back now.",
        discussion: """
            Starts, rewinds or clones it, whatever its WAL demands, even when the last attempt \
            failed. A directory that a server ran on is moved aside, never deleted.
            """)

    @OptionGroup var options: ClusterOptions
    @Argument(help: "The node to bring back.") var node: NodeID
    @OptionGroup var consent: Consent

    func run() async throws {
        let settings = try options.settings()
        _ = try settings.checked(node)
        try await Operation(settings: settings, command: .rejoin(node)).run(consent)
    }
}

struct Failover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replace a primary that is lost, now.",
        discussion: """
            For when the scheduler waits: by `mode: manual`, by its patience, or blocked for want \
            of a proof. Without --allow-data-loss nothing acknowledged is lost: enough standbys \
            must still be seen cut off from the old primary.

            With --allow-data-loss the node of --to is opened with what it has, once the old \
            primary was seen stopped. --old-primary-is-down says that you have stopped it \
            yourself: should it run all the same, both accept writes, and those of the old one are \
            lost.
            """)

    @OptionGroup var options: ClusterOptions
    @Option(help: "The node to open (default: the best standby).") var to: NodeID?
    @Flag(help: "Accept the loss of what the node of --to lacks.") var allowDataLoss = false
    @Option(help: ArgumentHelp("You have stopped the old primary.", valueName: "node"))
    var oldPrimaryIsDown: NodeID?
    @OptionGroup var consent: Consent

    func validate() throws {
        if allowDataLoss, to == nil {
            throw ValidationError(
                "--allow-data-loss needs --to: what is lost depends on the node.")
        }
        if oldPrimaryIsDown != nil, !allowDataLoss {
            throw ValidationError(
                "--old-primary-is-down needs --allow-data-loss: else nobody's word is needed.")
        }
    }

    func run() async throws {
        let settings = try options.settings()
        for node in [to, oldPrimaryIsDown].compactMap(\.self) { _ = try settings.checked(node) }
        var command = OperatorCommand.failover(to: to)
        if allowDataLoss, let to {
            command = .failoverWithLoss(to: to, oldPrimaryIsDown: oldPrimaryIsDown != nil)
        }
        try await Operation(
            settings: settings, command: command, nodeSaidDown: oldPrimaryIsDown
        ).run(consent)
    }
}

struct Maintenance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Leave a node to you, or take it back.",
        discussion: """
            Nothing is done to a node in maintenance, and it counts for nothing.
            """,
        subcommands: [On.self, Off.self])

    struct On: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave a node to you.",
            discussion: """
                Takes it out of the quorum, cuts it off from its upstream, and leaves it alone. A \
                primary is moved to another node first.
                """)

        @OptionGroup var options: ClusterOptions
        @Argument(help: "The node.") var node: NodeID
        @Option(
            name: .customLong("for"),
            help: ArgumentHelp(
                "Take it back after this time, such as 30min or 2h (default: when you say so).",
                valueName: "duration"))
        var span: Span?
        @OptionGroup var consent: Consent

        func run() async throws {
            let settings = try options.settings()
            _ = try settings.checked(node)
            let until = span.map { Int64(Date.now.timeIntervalSince1970 * 1_000) + $0.milliseconds }
            try await Operation(
                settings: settings, command: .maintenance(node, untilWallMs: until)
            ).run(consent)
        }
    }

    struct Off: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a node back.",
            discussion: """
                Starts, rewinds or clones it, whatever its WAL demands, and waits until it is a
                secondary. A directory that a server ran on is moved aside, never deleted.
                """)

        @OptionGroup var options: ClusterOptions
        @Argument(help: "The node.") var node: NodeID

        func run() async throws {
            let settings = try options.settings()
            _ = try settings.checked(node)
            try await Operation(settings: settings, command: .endMaintenance(node)).run()
        }
    }
}

struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Do nothing on any node until `resume`.",
        discussion: """
            The scheduler goes on watching, and decides nothing: a primary that is lost meanwhile \
            is not replaced. What is under way stays as it is.
            """)

    @OptionGroup var options: ClusterOptions

    func run() async throws {
        try await Operation(settings: try options.settings(), command: .pause).run()
    }
}

struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Go on after `pause`.",
        discussion: """
            A failover that was under way goes on from the beginning: what was proven before the \
            pause is proven anew.
            """)

    @OptionGroup var options: ClusterOptions

    func run() async throws {
        try await Operation(settings: try options.settings(), command: .resume).run()
    }
}

/// A span of time as `cluster.yaml` writes it.
struct Span: ExpressibleByArgument, Sendable {
    var milliseconds: Int64

    init?(argument: String) {
        guard let milliseconds = DurationText.parse(argument), milliseconds > 0 else { return nil }
        self.milliseconds = milliseconds
    }
}
