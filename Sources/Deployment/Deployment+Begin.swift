import ClusterFile
import Execution
import FailoverCore
import Hooks
import PostgresClient
import Quotation
import Rendering

/// The first node: initdb, a locked start, the roles.
extension Deployment {
    func begin(
        on work: NodeWork, _ passwords: Passwords, _ log: ChangeLog
    ) async throws(DeploymentError) -> Prepared.Beginning {
        let node = work.node
        // An adopted node has its files.
        async let placing = placed(adopting == nil ? [work] : [], log)
        async let verifiers = verifiers(of: passwords)
        // Its container is made with its files; elsewhere initdb takes longer than they do.
        if node.docker != nil, let failure = await placing { throw failure }
        async let initializing = work.survey.dataIsEmpty ? initialize(node, log) : nil
        if let failure = await placing { throw failure }
        if let failure = await initializing { throw failure }
        if work.survey.postmaster == nil {
            try await start(node, under: work.stampWhenPlaced.next)
            await log.add(node.id, "started, locked")
        } else {
            try await untilReady(node)
        }
        let begun = try await makeRoles(on: node, verifiers.get())
        await log.add(
            node.id, "made the roles \(settings.postgresql.roles.joined(separator: ", "))")
        guard work.survey.runsOnItsOwn else { return try beginning(of: begun, on: node) }
        try await takeIn(work, log)
        let now = try await query([Self.whereItBegins], on: node, "read where \(node.id) begins")
        return try beginning(of: now, on: node)
    }

    private func initialize(_ node: NodeSettings, _ log: ChangeLog) async -> DeploymentError? {
        do throws(DeploymentError) {
            try await run(
                ["/bin/sh", "-s"], on: node, "initialise \(node.id)", inside: .work,
                environment: environment(of: node),
                input: try script("flush", in: "lib") + script("unfinished")
                    + script("initialize"), timeout: .seconds(300),
                next: "see what lies in \(node.dataDirectory) on it; then deploy again")
        } catch {
            return error
        }
        await log.add(node.id, "initialised \(node.dataDirectory)")
        return nil
    }

    /// Places files and hooks while the first node begins. Hooks that can't be uploaded are told of by
    /// the first one that runs.
    func placed(_ others: [NodeWork], _ log: ChangeLog) async -> DeploymentError? {
        do throws(DeploymentError) {
            try await place(others, log)
        } catch {
            return error
        }
        _ = await hooks.prepare(others.map(\.node))
        return nil
    }

    /// By the same hook as ever, so that a set-up with systemd begins as it goes on.
    func start(
        _ node: NodeSettings, under stamp: Stamp? = nil
    ) async throws(DeploymentError) {
        try await service(.serviceStartCommand, on: node, reason: "deploy", under: stamp)
    }

    /// Under `stamp`; nil, while no store knows the cluster: the node's next step.
    func service(
        _ hook: HookName, on node: NodeSettings, reason: String, under stamp: Stamp? = nil
    ) async throws(DeploymentError) {
        let stamp = if let stamp { stamp } else { try await nextStamp(of: node, for: reason) }
        let call = HookCall(
            hook, on: node, term: stamp.term.number, step: stamp.step.number, reason: reason)
        let ended = await hooks.run(call)
        guard case .done = ended else {
            let verb = hook == .serviceStartCommand ? "start" : "stop"
            throw DeploymentError(
                .node, "cannot \(verb) PostgreSQL on \(node.id)", because: ended.because,
                next: "look into PostgreSQL's log on \(node.id), then \(reason) again: it goes on "
                    + "where it was")
        }
    }

    func nextStamp(
        of node: NodeSettings, for reason: String
    ) async throws(DeploymentError) -> Stamp {
        let outcome = await NodeApply(timeout: .seconds(20)).stamp(of: node, via: runner(node))
        guard case .applied(let accepted) = outcome else {
            throw DeploymentError(
                .node, "cannot read the stamp of \(node.id)", because: outcome.because,
                next: "look at \(node.stateDirectory) on it, then \(reason) again")
        }
        return accepted.stamp.next
    }

    func untilReady(_ node: NodeSettings) async throws(DeploymentError) {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                _ = try await query(["SELECT 1"], on: node, "connect to \(node.id)")
                return
            } catch {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
            }
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Gives the answer to `whereItBegins`, too: a session less.
    private func makeRoles(
        on node: NodeSettings, _ verifiers: [String: String]
    ) async throws(DeploymentError) -> String {
        let what = "make the roles on \(node.id)"
        let postgresql = settings.postgresql
        do {
            let creation = try Roles.creation(postgresql, verifiers: verifiers)
            let grants = try Roles.grants(postgresql) + [Self.whereItBegins]
            guard postgresql.database != "postgres" else {
                return try await query(creation + grants, on: node, what)
            }
            try await query(creation, on: node, what)
            let name = try Quoting.sqlLiteral(postgresql.database)
            let found = try await query(
                ["SELECT 1 FROM pg_database WHERE datname = \(name)"], on: node, what)
            if found.isEmpty {
                let database = try Quoting.sqlIdentifier(postgresql.database)
                try await query(["CREATE DATABASE \(database)"], on: node, what)
            }
            return try await query(grants, on: node, what, database: postgresql.database)
        } catch let error as DeploymentError {
            throw error
        } catch {
            throw DeploymentError(
                .node, "cannot \(what)", because: "\(error)",
                next: "correct the roles' names in cluster.yaml")
        }
    }

    /// Made while initdb works: each costs thousands of rounds of a hash.
    private func verifiers(
        of passwords: Passwords
    ) async -> Result<[String: String], DeploymentError> {
        var verifiers: [String: String] = [:]
        for role in settings.postgresql.roles {
            do {
                verifiers[role] = try scramVerifier(
                    password: passwords.byRole[role] ?? "", user: role)
            } catch {
                return .failure(
                    DeploymentError(
                        .node, "cannot make the role \(role)", because: "\(error)",
                        next: "correct the roles' names in cluster.yaml"))
            }
        }
        return .success(verifiers)
    }

    /// The control file tells of a promotion only when the checkpoint after it has ended.
    private static let whereItBegins = """
        SELECT system_identifier, id, pg_current_wal_flush_lsn(),
            encode(convert_to(coalesce(pg_read_file('pg_wal/' ||
                lpad(upper(to_hex(id)), 8, '0') || '.history',
                0, 1048576, true), ''), 'UTF8'), 'hex')
        FROM pg_control_system(),
            (SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint)
                AS timeline (id)
        """

    private func beginning(
        of answer: String, on node: NodeSettings
    ) throws(DeploymentError) -> Prepared.Beginning {
        let what = "read where \(node.id) begins"
        let words = answer.split(separator: "|").map { $0.filter { !$0.isWhitespace } }
        guard words.count == 4, let timeline = UInt32(words[1]), let position = LSN(words[2]),
            let history = Self.history(TimelineID(timeline), hex: words[3])
        else {
            throw DeploymentError(
                .node, "cannot \(what)", because: "it answers \(answer)",
                next: "look at PostgreSQL on \(node.id), then deploy again")
        }
        return Prepared.Beginning(
            first: node.id, systemIdentifier: words[0],
            history: history, position: position)
    }

    /// Data that are adopted may have been through failovers. Nil when a history file is missing: where
    /// a standby left an older timeline would not be known.
    static func history(_ timeline: TimelineID, hex: String) -> TimelineHistory? {
        let digits = Array(hex.utf8)
        let bytes = stride(from: 0, to: digits.count - digits.count % 2, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let history = TimelineHistory(timeline: timeline, text: text)
        return timeline == TimelineID(1) || history?.ancestors.isEmpty == false ? history : nil
    }

    /// Runs statements as the server's owner, over its socket. They travel on standard input, and
    /// neither psql nor the server repeats them in a message.
    @discardableResult
    func query(
        _ statements: [String], on node: NodeSettings, _ what: String,
        database: String = "postgres"
    ) async throws(DeploymentError) -> String {
        let options = [
            "default_transaction_read_only=off", "synchronous_commit=local",
            "log_statement=none", "log_min_error_statement=panic",
            "log_min_duration_statement=-1",
        ]
        let input = statements.map { $0 + ";\n" }.joined()
        return try await run(
            [
                settings.postgresql.binDirectory + "/psql", "--no-psqlrc", "--quiet",
                "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse",
                "--host=\(node.socketDirectory)", "--port=\(node.port)", "--username=postgres",
                "--no-password", "--file=-",
            ], on: node, what, inside: .look,
            environment: [
                "PGDATABASE": database, "PGCONNECT_TIMEOUT": "5",
                "PGOPTIONS": options.map { "-c \($0)" }.joined(separator: " "),
            ], input: Array(input.utf8))
    }
}

extension HookOutcome {
    var because: String {
        switch self {
        case .done: "it was done"
        case .tryAgain(let output): "it was not ready: \(Self.end(of: output))"
        case .stale: "the node has accepted a higher term or step"
        case .failed(let status, let output): "it exited with \(status): \(Self.end(of: output))"
        case .unknown(let span, _): "it did not end within \(span)"
        case .notStarted(let error): error.because
        case .skipped: "no command is configured"
        }
    }

    private static func end(of output: String) -> String {
        output.split(whereSeparator: \.isNewline).suffix(3).joined(separator: "; ")
    }
}
