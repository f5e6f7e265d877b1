import ClusterFile
import Execution
import FailoverCore

/// What needs root on the nodes' machines: packages, the owner of PostgreSQL with the scheduler's
/// key, folders, services. One script does it, and says each command before it runs it.
extension Deployment {
    /// What root would do, a line for each command; changes nothing. Refuses what would touch
    /// another's files or servers.
    public func machinePlan(
        _ action: MachineAction, as admin: AdminLogin
    ) async throws(DeploymentError) -> [DeployProgress] {
        try await machineWork(action, as: admin).flatMap(\.lines)
    }

    /// Does it, on all machines at once, and on each node by node. Nothing is changed anywhere unless
    /// every machine agrees. Empty: everything was in place.
    public func changeMachines(
        _ action: MachineAction, as admin: AdminLogin,
        progress: @escaping @Sendable (DeployProgress) -> Void
    ) async throws(DeploymentError) -> [DeployProgress] {
        let work = try await machineWork(action, as: admin).filter { !$0.lines.isEmpty }
        let log = ChangeLog(progress)
        let machines = Dictionary(grouping: work) { work in
            settings.execution == .local ? "" : "\(work.node.sshHost) \(work.node.sshPort)"
        }
        let failures = await withTaskGroup(of: DeploymentError?.self) { group in
            for nodes in machines.values {
                group.addTask {
                    do throws(DeploymentError) {
                        for work in nodes { try await change(work, as: admin, log) }
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var failures: [DeploymentError] = []
            for await failure in group { if let failure { failures.append(failure) } }
            return failures
        }
        try DeploymentError.all(failures)
        return await log.changes
    }

    /// What is to be done on one machine for one node.
    struct MachineWork: Sendable {
        var node: NodeSettings
        var action: MachineAction
        var facts: MachineFacts
        var report: MachineReport

        var lines: [DeployProgress] {
            report.parts.flatMap { $0.lines }.map { DeployProgress(node: node.id, $0) }
        }
    }

    private func machineWork(
        _ action: MachineAction, as admin: AdminLogin
    ) async throws(DeploymentError) -> [MachineWork] {
        var facts: [NodeID: MachineFacts] = [:]
        for node in settings.nodes { facts[node.id] = try machineFacts(of: node) }
        var scripts: [NodeID: [UInt8]] = [:]
        for node in settings.nodes { scripts[node.id] = try machineScript(of: node) }
        let results = await withTaskGroup(
            of: (NodeID, Result<MachineWork, DeploymentError>).self
        ) { group in
            for node in settings.nodes {
                guard let facts = facts[node.id], let script = scripts[node.id] else { continue }
                group.addTask {
                    do throws(DeploymentError) {
                        let report = try await ask(
                            node, facts.script(action, part: "all", isDryRun: true, script), admin,
                            timeout: .seconds(120))
                        let work = MachineWork(
                            node: node, action: action, facts: facts, report: report)
                        return (node.id, .success(work))
                    } catch {
                        return (node.id, .failure(error))
                    }
                }
            }
            var results: [NodeID: Result<MachineWork, DeploymentError>] = [:]
            for await (node, result) in group { results[node] = result }
            return results
        }
        return try agreed(settings.nodes.compactMap { results[$0.id] })
    }

    private func machineScript(of node: NodeSettings) throws(DeploymentError) -> [UInt8] {
        let script = try script("unfinished") + script("services") + script("machine")
        return node.docker == nil ? script : try self.script("machine-docker") + script
    }

    /// One machine that refuses, or can't be asked, stops all.
    private func agreed(
        _ results: [Result<MachineWork, DeploymentError>]
    ) throws(DeploymentError) -> [MachineWork] {
        var work: [MachineWork] = []
        var refusals: [CheckResult] = []
        for result in results {
            let one = try result.get()
            work.append(one)
            guard let refusal = one.report.refusal else { continue }
            refusals.append(
                CheckResult(
                    one.node.id, "machine", .failed, found: refusal.because, next: refusal.next))
        }
        guard let worst = refusals.first else { return work }
        throw DeploymentError(
            .refused,
            "cannot prepare the machines of \(settings.cluster): "
                + "\(worst.node?.rawValue ?? "one") refuses; nothing was changed",
            because: worst.found, next: worst.next, failures: refusals)
    }

    private func change(
        _ work: MachineWork, as admin: AdminLogin, _ log: ChangeLog
    ) async throws(DeploymentError) {
        let script = try machineScript(of: work.node)
        for part in work.report.parts where !part.lines.isEmpty {
            // Packages take a while: who waits is told for what.
            if part.name == "packages" { await log.tell(work.node.id, "packages …") }
            let report = try await ask(
                work.node,
                work.facts.script(work.action, part: part.name, isDryRun: false, script), admin,
                timeout: .seconds(1_800))
            if let refusal = report.refusal {
                throw DeploymentError(
                    .node, "cannot prepare the machine of \(work.node.id)",
                    because: refusal.because, next: refusal.next)
            }
            for line in report.parts.flatMap(\.lines) { await log.add(work.node.id, line) }
            for note in report.notes { await log.tell(work.node.id, note) }
        }
    }

    private func ask(
        _ node: NodeSettings, _ input: [UInt8], _ admin: AdminLogin, timeout: Duration
    ) async throws(DeploymentError) -> MachineReport {
        let result: CommandResult
        do throws(ExecutionError) {
            result = try await admin.runner(node).run(
                Command(admin.shell, standardInput: input, timeout: timeout))
        } catch {
            throw DeploymentError(error, on: node)
        }
        let report = MachineReport(output: result.output)
        guard report.refusal != nil || (result.isSuccess && report.isWhole) else {
            throw DeploymentError(
                .node, "cannot change the machine of \(node.id)", because: result.because,
                next: "see that \(admin.user) may run /bin/sh there as root"
                    + (admin.user == "root" ? "" : " by `sudo -n`") + ", then run this again: it "
                    + "goes on where it was")
        }
        return report
    }
}

/// What `hooks/deploy/machine.sh` said.
struct MachineReport: Hashable, Sendable {
    struct Part: Hashable, Sendable {
        var name: String
        /// `+ COMMAND`, for each change.
        var lines: [String] = []
    }
    struct Refusal: Hashable, Sendable {
        var because: String
        var next: String
    }

    private(set) var parts: [Part] = []
    private(set) var notes: [String] = []
    private(set) var refusal: Refusal?
    /// A server of ours that runs.
    private(set) var server: Int?
    /// What node-apply has accepted there.
    private(set) var stamp: Stamp?
    /// Data that were to go, and stay.
    private(set) var kept: [String] = []
    private(set) var isWhole = false

    init(output: String) {
        for line in output.split(separator: "\n") {
            if let name = line.after("part: ") { parts.append(Part(name: name)) }
            if let text = line.after("+ ") { add("+ \(text)") }
            if let text = line.after("server: ") { server = Int(text) }
            if let text = line.after("kept: ") { kept.append(text) }
            if let text = line.after("stamp: ") {
                let numbers = text.split(separator: " ").compactMap { Int($0) }
                if numbers.count == 2 {
                    stamp = Stamp(term: Term(numbers[0]), step: Revision(numbers[1]))
                }
            }
            if let text = line.after("note: ") { notes.append(text) }
            if let text = line.after("refused: ") { refusal = Refusal(because: text, next: "") }
            if let text = line.after("next: ") { refusal?.next = text }
            if line == "end" { isWhole = true }
        }
    }

    private mutating func add(_ line: String) {
        if parts.isEmpty { parts.append(Part(name: "")) }
        parts[parts.count - 1].lines.append(line)
    }
}

extension Substring {
    fileprivate func after(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
