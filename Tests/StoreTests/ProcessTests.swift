import Foundation
import Glibc
import Testing
import ToolkitTesting

@testable import FailoverCore
@testable import Store

@Suite("The scheduler's lock")
struct SchedulerLockTests {
    let scratch = try! Scratch()

    /// `flock(1)` with these arguments, started.
    func flock(_ arguments: String...) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/flock")
        process.arguments = arguments
        try process.run()
        return process
    }

    func error() -> StoreError? {
        do throws(StoreError) {
            _ = try SchedulerLock(storePath: scratch.store)
            return nil
        } catch {
            return error
        }
    }

    @Test func isHeldByOneAtATimeAndNamesItsHolder() throws {
        do {
            let lock = try SchedulerLock(storePath: scratch.store)
            #expect(lock.path == scratch.store + ".lock")
            let error = error()
            #expect(error?.code == .locked)
            #expect(
                error?.description == """
                    cannot take the scheduler's lock \(lock.path)
                      because another scheduler (pid \(getpid())) holds it
                      next: let that one decide, or stop it first and try again
                    """)
            let mode = try FileManager.default.attributesOfItem(atPath: lock.path)
            #expect(mode[.posixPermissions] as? Int == 0o600)
        }
        #expect(error() == nil)
    }

    @Test func keepsAnotherProcessOut() async throws {
        let lock = try SchedulerLock(storePath: scratch.store)
        let process = try flock("--nonblock", lock.path, "true")
        try await until("it ended") { !process.isRunning }
        #expect(process.terminationStatus == 1)
    }

    @Test func isFreeAsSoonAsItsHolderIsKilled() async throws {
        let path = scratch.store + ".lock"
        // Told by a file that it has the lock: without --no-fork a child would outlive the kill.
        let process = try flock(
            "--no-fork", path, "sh", "-c", "touch \"$1\"; exec sleep 60", "sh", path + ".held")
        defer { process.terminate() }
        try await until("it holds the lock") { access(path + ".held", F_OK) == 0 }
        #expect(error()?.code == .locked)
        kill(process.processIdentifier, SIGKILL)
        try await until("the lock is free") { error() == nil }
    }

    @Test func isFreeWhileACopyOfItsDescriptorIsOpen() throws {
        var lock: SchedulerLock? = try SchedulerLock(storePath: scratch.store)
        let path = try #require(lock?.path)
        let descriptor = try #require(openDescriptors(of: "self").first { $0.target == path })
        let copy = dup(descriptor.number)
        defer { close(copy) }
        lock = nil
        #expect(error() == nil)
    }

    @Test func isHeldNoMoreWhenItsFileWasReplaced() throws {
        let lock = try SchedulerLock(storePath: scratch.store)
        #expect(lock.isHeld)
        try FileManager.default.moveItem(atPath: lock.path, toPath: lock.path + ".aside")
        #expect(!lock.isHeld)
        let other = try SchedulerLock(storePath: scratch.store)
        #expect(other.isHeld && !lock.isHeld)
    }

    @Test func isNotInheritedByChildren() async throws {
        let lock = try SchedulerLock(storePath: scratch.store)
        let child = Process()
        child.executableURL = URL(filePath: "/bin/sleep")
        child.arguments = ["60"]
        try child.run()
        defer { kill(child.processIdentifier, SIGKILL) }
        let pid = String(child.processIdentifier)
        try await until("it runs its program") {
            try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
                .hasSuffix("sleep")
        }
        #expect(try !openDescriptors(of: pid).contains { $0.target == lock.path })
    }

    private func openDescriptors(of pid: String) throws -> [(number: Int32, target: String)] {
        let directory = "/proc/\(pid)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
            guard let number = Int32(name),
                let target = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: directory + "/" + name)
            else { return nil }
            return (number, target)
        }
    }
}

/// Runs in a process of its own, started by `CrashTests`.
@Suite(
    "A writer that is going to be killed",
    .enabled(if: CrashTests.childPath != nil, "runs as a child of CrashTests only"))
struct CrashingWriter {
    @Test func savesUntilItIsKilled() async throws {
        let path = try #require(CrashTests.childPath)
        let store = try await SQLiteStore(path: path)
        let told = open(path + ".told", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var cluster = try await store.load() ?? .shop(revision: 0)
        var last: Revision? = try await store.load()?.revision
        while true {
            cluster.revision = cluster.revision.next
            cluster.openedBootID = String(repeating: "x", count: cluster.revision.number % 9_000)
            let events = (0..<3).map { _ in EventRecord.tick(cluster.revision.number) }
            try await store.save(cluster, events: events, after: last)
            last = cluster.revision
            let line = Array("\(cluster.revision)\n".utf8)
            _ = write(told, line, line.count)
        }
    }
}

@Suite("A crash of the scheduler")
struct CrashTests {
    static let variable = "TOOLKIT_TEST_CRASHING_STORE"
    static var childPath: String? { ProcessInfo.processInfo.environment[variable] }

    let scratch = try! Scratch()

    func startWriter() throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--testing-library", "swift-testing", "--filter", "CrashingWriter"]
        process.environment = ProcessInfo.processInfo.environment
            .merging([Self.variable: scratch.store]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// The revisions that the writer was told to be stored.
    func told() -> [Int] {
        let text = (try? String(contentsOfFile: scratch.store + ".told", encoding: .utf8)) ?? ""
        let whole = text[..<(text.lastIndex(of: "\n") ?? text.startIndex)]
        return whole.split(separator: "\n").compactMap { Int($0) }
    }

    @Test(.enabled(if: childPath == nil))
    func losesNothingThatWasSavedAndKeepsNothingHalf() async throws {
        for round in 1...3 {
            let before = told().count
            let process = try startWriter()
            try await until("round \(round): it writes") {
                told().count > before + 20 || !process.isRunning
            }
            #expect(process.isRunning)
            kill(process.processIdentifier, SIGKILL)
            try await until("it ended") { !process.isRunning }

            let last = try #require(told().last)
            let store = try await SQLiteStore(path: scratch.store)
            let cluster = try #require(try await store.load())
            // The one more is a save whose answer did not get out of the process.
            #expect([last, last + 1].contains(cluster.revision.number))
            #expect(cluster.openedBootID?.count == cluster.revision.number % 9_000)
            let events = try await store.events(after: nil, limit: 100_000, newestFirst: false)
            let perRevision = Dictionary(grouping: events, by: \.revision.number)
            #expect(perRevision.keys.sorted() == Array(1...cluster.revision.number))
            #expect(perRevision.values.allSatisfy { $0.count == 3 })
        }
    }
}

enum SmallDisk {
    /// Root alone does not say it: a container may forbid it.
    static let canMount: Bool = {
        guard getuid() == 0, let scratch = try? Scratch() else { return false }
        guard mount("tmpfs", scratch.path, "tmpfs", 0, "size=64k") == 0 else { return false }
        return umount2(scratch.path, Int32(MNT_DETACH)) == 0
    }()
}

@Suite("A full disk", .enabled(if: SmallDisk.canMount, "SKIPPED: needs root to mount a tmpfs"))
struct FullDiskTests {
    @Test func failsTheSaveAndKeepsTheOldState() async throws {
        let scratch = try Scratch()
        try #require(mount("tmpfs", scratch.path, "tmpfs", 0, "size=600k") == 0)
        defer { umount2(scratch.path, Int32(MNT_DETACH)) }
        let store = try await SQLiteStore(path: scratch.store)
        try await store.save(.shop(revision: 1), events: [.tick(1)], after: nil)

        var big = EventRecord.tick(2)
        big.output = String(repeating: "x", count: 50_000)
        var saved = Revision(1)
        var error: StoreError?
        for _ in 0..<100 where error == nil {
            do throws(StoreError) {
                try await store.save(
                    .shop(revision: saved.next.number), events: [big], after: saved)
                saved = saved.next
            } catch let thrown {
                error = thrown
            }
        }
        #expect(error?.code == .full)
        #expect(error?.next.contains("free some space") == true)
        #expect(try await store.load()?.revision == saved)
        #expect(try await store.newestEvents(100).count == saved.number)

        let reopened = try await SQLiteStore(path: scratch.store)
        #expect(try await reopened.load()?.revision == saved)
    }
}
