public import ClusterFile
public import Execution
public import FailoverCore
import Quotation

/// Runs hooks: finds the script, uploads it once, and runs it through the node's wrapper.
public struct HookRunner: Sendable {
    public let settings: ClusterSettings
    let runner: @Sendable (NodeSettings) -> any CommandRunner
    let local: any CommandRunner
    let scripts: HookScripts
    private let uploaded = UploadedBundles()

    /// `runner` reaches a node; `local` is the scheduler's own machine; `sharedHooks` is the folder
    /// of the shipped scripts (`ShareFolder.hooks`).
    public init(
        settings: ClusterSettings, sharedHooks: String,
        runner: @escaping @Sendable (NodeSettings) -> any CommandRunner, local: any CommandRunner
    ) {
        scripts = HookScripts(settings: settings, sharedHooks: sharedHooks)
        self.settings = settings
        self.runner = runner
        self.local = local
    }

    /// Whether a hook is the shipped script.
    public func runsShipped(_ hook: HookName) -> Bool { scripts.isShipped(hook) }

    /// Whether scripts of the cluster's own run before or after a hook.
    public func hasDropIns(_ hook: HookName) -> Bool { !scripts.dropIns(of: hook).isEmpty }

    /// Whether anything runs for a hook: a command, or drop-ins alone.
    public func runsAnything(_ hook: HookName) -> Bool {
        scripts.command(for: hook) != .none || hasDropIns(hook)
    }

    /// Runs one hook with its drop-ins, retries and deadline. `permit` is asked before each start
    /// beside the scheduler.
    public func run(_ call: HookCall, permit: HookPermit? = nil) async -> HookOutcome {
        let work: HookWork
        do throws(QuotingError) {
            work = try HookWork(call, settings: settings, permit: permit)
        } catch {
            return .notStarted(
                ExecutionError(
                    .notStarted, "cannot run \(call.hook) for \(call.node.id)",
                    because: "one of its facts \(error)",
                    next: "correct hosts, roles and folders in cluster.yaml"))
        }
        let isOnNode = HookCatalogue.place(of: call.hook, in: settings) == .node
        switch scripts.command(for: call.hook) {
        case .none:
            guard hasDropIns(call.hook) else { return .skipped }
            return await around(work) { .skipped }
        case .missing(let path):
            return .notStarted(
                ExecutionError(
                    .notFound, "cannot run \(call.hook) for \(call.node.id)",
                    because: "there is no file \(path)",
                    next: "create it, or correct hooks.\(call.hook) in cluster.yaml"))
        case .file(let path):
            return await around(work) {
                isOnNode ? await wrapped(work, inline: nil) : await local(work, [path])
            }
        case .inline(let text):
            let placeholders = HookPlaceholders(call: call, variables: work.variables)
            let shell = ["/bin/sh", "-c", placeholders.expand(text)]
            return await around(work) {
                isOnNode ? await wrapped(work, inline: shell) : await local(work, shell)
            }
        }
    }

    /// Uploads the scripts of every node hook, so that a failover doesn't pay for it.
    public func prepare(_ node: NodeSettings) async throws(ExecutionError) {
        _ = try await upload(try HookBundle(scripts), to: node)
    }

    /// The same for many nodes at once; what kept it from any of them.
    public func prepare(_ nodes: [NodeSettings]) async -> [NodeID: ExecutionError] {
        let bundle: HookBundle
        do { bundle = try HookBundle(scripts) } catch {
            return Dictionary(nodes.map { ($0.id, error) }) { first, _ in first }
        }
        return await withTaskGroup(of: (NodeID, ExecutionError)?.self) { group in
            for node in nodes {
                group.addTask {
                    do throws(ExecutionError) {
                        _ = try await upload(bundle, to: node)
                        return nil
                    } catch {
                        return (node.id, error)
                    }
                }
            }
            var failures: [NodeID: ExecutionError] = [:]
            for await case (let node, let error)? in group { failures[node] = error }
            return failures
        }
    }

    // MARK: Drop-ins

    /// A failing `pre-` stops the step, a failing `post-` is a warning.
    private func around(
        _ work: HookWork, _ attempt: () async -> HookOutcome
    ) async -> HookOutcome {
        let dropIns = scripts.dropIns(of: work.call.hook)
        let before = dropIns.filter(HookScripts.isBefore)
        for path in before {
            let outcome = await run(work, dropIn: path)
            guard case .done = outcome else { return outcome }
        }
        var outcome = goingOn(
            await attempts(work, hasStarted: !before.isEmpty, attempt), work.call.hook)
        if outcome == .skipped { outcome = .done(results: [:], output: "") }
        guard case .done(let results, var output) = outcome else { return outcome }
        for path in dropIns where !HookScripts.isBefore(path) {
            let after = await run(work, dropIn: path)
            if case .done = after { continue }
            output += "warning: \(path) did not succeed: \(after)\n"
        }
        return .done(results: results, output: output)
    }

    /// With `on_failure: continue` a hook that has failed for good counts as done: whether it has
    /// left what it should is looked at in any case. One that did not run has failed at nothing.
    private func goingOn(_ outcome: HookOutcome, _ hook: HookName) -> HookOutcome {
        guard case .failed(let status, let output) = outcome, !ExitStatus.isNoHooks(status),
            settings.hooks.byName[hook.rawValue]?.onFailure == .continue
        else { return outcome }
        return .done(
            results: HookOutcome.results(of: output),
            output: output + "warning: \(hook) ended with status \(status); on_failure: continue\n")
    }

    private func run(_ work: HookWork, dropIn path: String) async -> HookOutcome {
        HookCatalogue.place(of: work.call.hook, in: settings) == .node
            ? await wrapped(work, dropIn: path) : await local(work, [path])
    }

    // MARK: On a node

    private func wrapped(_ work: HookWork, inline: [String]?) async -> HookOutcome {
        let name = work.call.hook.rawValue
        return await wrapped(work, as: name, inline: inline, file: name + ".sh")
    }

    private func wrapped(_ work: HookWork, dropIn path: String) async -> HookOutcome {
        let file = HookBundle.dropInName(path, of: work.call.hook)
        let name = file.replacingSlashes
        return await wrapped(work, as: name, inline: nil, file: file)
    }

    /// One run through the wrapper; a script that is gone from the node is uploaded again, once.
    private func wrapped(
        _ work: HookWork, as name: String, inline: [String]?, file: String
    ) async -> HookOutcome {
        let node = work.call.node
        do {
            if let inline { return try await wrapped(work, as: name, program: inline) }
            let bundle = try HookBundle(scripts)
            let folder = try await upload(bundle, to: node)
            let outcome = try await wrapped(work, as: name, program: ["\(folder)/\(file)"])
            guard case .failed(ExitStatus.noProgram, _) = outcome else { return outcome }
            uploaded.forget(folder, on: node.id)
            _ = try await upload(bundle, to: node)
            return try await wrapped(work, as: name, program: ["\(folder)/\(file)"])
        } catch {
            return HookOutcome(error, after: work.timeout)
        }
    }

    private func wrapped(
        _ work: HookWork, as name: String, program: [String]
    ) async throws(ExecutionError) -> HookOutcome {
        let call = work.call
        let arguments = [
            call.node.stateDirectory + "/bin/run-hook", String(call.term), String(call.step), name,
            String(work.timeoutSeconds), "--",
        ]
        // The wrapper ends the hook at the deadline and says so; its own end comes 2 s later at
        // most, and waiting for the node's locks counts too.
        let result = try await runner(call.node).run(
            Command(
                arguments + program, environment: work.variables, standardInput: work.document,
                timeout: work.timeout + .seconds(5)))
        return HookOutcome(result, timeout: work.timeout)
    }

    private func upload(
        _ bundle: HookBundle, to node: NodeSettings
    ) async throws(ExecutionError) -> String {
        let folder = bundle.folder(on: node)
        if !uploaded.contains(folder, on: node.id) {
            try await bundle.upload(to: node, via: runner(node), timeout: .seconds(30))
            uploaded.insert(folder, on: node.id)
        }
        return folder
    }

    // MARK: On the scheduler's machine

    private func local(_ work: HookWork, _ arguments: [String]) async -> HookOutcome {
        // The document is read whole before the hook runs: one that ends without reading it breaks
        // no pipe.
        var script = "document=$(cat)\n"
        var words: [String] = []
        if let permit = work.permit {
            guard let window = StartWindow.now() else {
                return .tryAgain(output: "the time can't be read from /proc/uptime")
            }
            if let refusal = await permit() { return .tryAgain(output: refusal) }
            script += StartWindow.check + "\n"
            words = [String(window.uptime), String(window.wall)]
        }
        script += "exec \"$@\" <<DOCUMENT\n$document\nDOCUMENT\n"
        let command = Command(
            ["/bin/sh", "-c", script, "sh"] + words + arguments, environment: work.variables,
            standardInput: work.document, timeout: work.timeout)
        do {
            return HookOutcome(try await local.run(command), timeout: work.timeout)
        } catch {
            return HookOutcome(error, after: work.timeout)
        }
    }

    // MARK: Retries

    /// Repeats what failed or was not ready. Nothing else: what is stale stays stale, and what is
    /// unknown must be looked at first.
    private func attempts(
        _ work: HookWork, hasStarted: Bool, _ attempt: () async -> HookOutcome
    ) async -> HookOutcome {
        var hasStarted = hasStarted
        var attemptsLeft = settings.hooks.byName[work.call.hook.rawValue]?.retries ?? 0
        while true {
            let outcome = await attempt()
            switch outcome {
            case .failed, .tryAgain: hasStarted = true
            case .notStarted(let error) where hasStarted:
                // The caller may act by SQL only when no hook has started.
                return .failed(status: -1, output: error.description)
            default: return outcome
            }
            guard attemptsLeft > 0, !Task.isCancelled else { return outcome }
            attemptsLeft -= 1
            let delay = settings.hooks.byName[work.call.hook.rawValue]?.retryDelayMs ?? 1000
            try? await Task.sleep(for: .milliseconds(delay))
        }
    }
}

/// One call with what is derived from it once.
struct HookWork: Sendable {
    let call: HookCall
    let variables: [String: String]
    let document: [UInt8]
    let timeoutSeconds: Int
    let permit: HookPermit?

    init(
        _ call: HookCall, settings: ClusterSettings, permit: HookPermit?
    ) throws(QuotingError) {
        let environment = HookEnvironment(settings: settings)
        self.call = call
        self.permit = permit
        variables = try environment.variables(for: call)
        document = try environment.document(for: call)
        timeoutSeconds = environment.timeoutSeconds(of: call.hook)
    }

    var timeout: Duration { .seconds(timeoutSeconds) }
}

extension HookOutcome {
    init(_ result: CommandResult, timeout: Duration) {
        let output = result.output + result.errorOutput
        switch result.ending {
        case .exited(0): self = .done(results: Self.results(of: result.output), output: output)
        case .exited(ExitStatus.tryAgain): self = .tryAgain(output: output)
        case .exited(ExitStatus.stale): self = .stale
        case .exited(ExitStatus.deadline): self = .unknown(after: timeout, output: output)
        case .exited(let status): self = .failed(status: status, output: output)
        case .signaled, .timedOut: self = .unknown(after: result.duration, output: output)
        }
    }

    init(_ error: ExecutionError, after timeout: Duration) {
        self =
            error.outcomeIsUnknown
            ? .unknown(after: timeout, output: error.description) : .notStarted(error)
    }

    /// `toolkit:key=value` lines; of a key that comes twice, the last.
    static func results(of output: String) -> [String: String] {
        var results: [String: String] = [:]
        for line in output.split(separator: "\n") where line.hasPrefix("toolkit:") {
            let pair = line.dropFirst("toolkit:".count)
            guard let equals = pair.firstIndex(of: "=") else { continue }
            results[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
        }
        return results
    }
}

extension String {
    /// A wrapper's hook name: `promote_command.d/pre-check` → `promote_command.d.pre-check`.
    fileprivate var replacingSlashes: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { scalar in
                    let isPlain =
                        scalar.isASCII
                        && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                            || "_.-".unicodeScalars.contains(scalar))
                    return isPlain ? scalar : "."
                }))
    }
}
