import ArgumentParser
import ClusterFile
import Deployment
import FailoverCore
import Foundation
import Glibc
import Scheduler
import Store

struct Undeploy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take back what `deploy` made; data stay.",
        discussion: """
            Ends the sessions, lets the standbys get all WAL, stops them and then the primary, and \
            removes slots, containers, configuration, programs, the store and the passwords. With \
            --admin also what root made: sudoers, units, tmpfiles.d, the scheduler's key. Packages \
            and PostgreSQL's owner stay, and the data, a container's volume too, unless \
            --remove-data is given. Refused while a scheduler runs.
            """)

    @OptionGroup var options: ClusterOptions
    @Flag(help: "Print every step and change nothing.") var dryRun = false
    @Flag(help: "Delete the data directories and volumes of all nodes, too.") var removeData = false
    @Option(
        help: ArgumentHelp(
            "Do not ask; name the cluster to say that you mean it.", valueName: "cluster"))
    var yes: String?
    @OptionGroup var admin: AdminOptions

    func run() async throws {
        let settings = try options.settings()
        try await refuseWhileScheduled(settings)
        let undeployment = Undeployment(
            try settings.deployment, admin: admin.login(settings), removesData: removeData)
        let stored = try await settings.storedCluster()
        let plan = try await undeployment.plan(isStored: stored != nil)
        let files = Self.files(of: settings)
        for line in plan.steps { Console.say(line.sentence) }
        for file in files { Console.say("+ rm -f \(file)") }
        if !files.isEmpty, Self.holdsNothing(but: files, settings) {
            Console.say("+ rmdir \(settings.scheduler.directory)")
        }
        for line in plan.notes + plan.kept { Console.say(line.sentence) }
        if plan.steps.isEmpty, files.isEmpty {
            Console.say("nothing to do")
            return try tell(plan.kept, settings)
        }
        guard !dryRun else { return }
        try agree(settings)
        let store = SchedulerPaths(settings).store
        let locks = [
            try SchedulerLock(storePath: store), try SchedulerLock.ofChanges(storePath: store),
        ]
        let stamp = try await reserve(settings)
        try await undeployment.stop(under: stamp) { Console.progress($0.sentence) }
        try await noteRemoval(settings)
        try await undeployment.remove { Console.progress($0.sentence) }
        removeFiles(settings)
        withExtendedLifetime(locks) {}
        try tell(plan.kept, settings)
        let end = removeData ? "with its data" : "its data stay"
        Console.say("\(settings.cluster) is taken away\(removeData ? "," : ";") \(end)")
    }

    /// What was asked for and not done.
    private func tell(_ kept: [DeployProgress], _ settings: ClusterSettings) throws {
        guard let first = kept.first else { return }
        let others = kept.count > 1 ? " (and \(kept.count - 1) more)" : ""
        throw Failure(
            ExitStatus.failed, "some data of \(settings.cluster) stay; all else is taken away",
            because: first.sentence + others, next: "look at them, and remove them by hand")
    }

    /// A revision of this command's own: what it does on the nodes has to be known to the store, should
    /// the cluster live on after all.
    private func reserve(_ settings: ClusterSettings) async throws -> Stamp? {
        guard let stored = try await settings.storedCluster() else { return nil }
        var grown = stored
        grown.revision = stored.revision.next
        let store = try await SQLiteStore(path: SchedulerPaths(settings).store)
        // What an earlier one has begun stays begun.
        let summary =
            try await store.isTakenAway() ? EventRecord.removalBegan : "undeploy began"
        try await store.save(grown, events: [event(summary, grown)], after: stored.revision)
        return Stamp(term: grown.term, step: grown.revision)
    }

    /// From here on neither `run` nor `deploy` may go on with what is left.
    private func noteRemoval(_ settings: ClusterSettings) async throws {
        guard let stored = try await settings.storedCluster() else { return }
        let store = try await SQLiteStore(path: SchedulerPaths(settings).store)
        try await store.append([event(EventRecord.removalBegan, stored)])
    }

    private func event(_ summary: String, _ cluster: Cluster) -> EventRecord {
        EventRecord(
            wallMs: Int64(Date().timeIntervalSince1970 * 1000), revision: cluster.revision,
            term: cluster.term, kind: .operator, summary: summary)
    }

    private func refuseWhileScheduled(_ settings: ClusterSettings) async throws {
        guard try await SchedulerClient(settings).stateIfRunning() != nil else { return }
        throw Failure(
            ExitStatus.busy, "cannot take \(settings.cluster) away; nothing was changed",
            because: "its scheduler runs, and would bring it up again",
            next: "stop `toolkit run`, then undeploy")
    }

    /// Typed out, because it can't be taken back.
    private func agree(_ settings: ClusterSettings) throws {
        let what = removeData ? "and DELETES its data " : ""
        let answer =
            yes
            ?? Console.answer(
                "This stops \(settings.cluster) \(what)on \(settings.nodes.count) nodes. "
                    + "Type its name to go on: ")
        guard answer == settings.cluster else {
            throw Failure(
                ExitStatus.failed, "nothing was changed",
                because: "the cluster's name was not given",
                next: "type it, or say --yes \(settings.cluster)")
        }
    }

    /// What lies on this machine.
    private static func files(of settings: ClusterSettings) -> [String] {
        let store = SchedulerPaths(settings).store
        let ends = ["", "-wal", "-shm"].map { store + $0 }
        // The lock last: until then no other command begins.
        return
            (ends + [
                SchedulerPaths(settings).socket, SchedulerPaths(settings).passfile,
                store + ".changes.lock", store + ".lock",
            ])
            .filter { access($0, F_OK) == 0 }
    }

    private static func holdsNothing(but files: [String], _ settings: ClusterSettings) -> Bool {
        let directory = settings.scheduler.directory
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return Set(names.map { "\(directory)/\($0)" }).isSubset(of: files)
    }

    private func removeFiles(_ settings: ClusterSettings) {
        for file in Self.files(of: settings) {
            unlink(file)
            Console.progress("+ rm -f \(file)")
        }
        let directory = settings.scheduler.directory
        if rmdir(directory) == 0 { Console.progress("+ rmdir \(directory)") }
    }
}
