import ClusterFile
import Execution
import Foundation
import Glibc
import Hooks

/// What the trials share: the folder, the programs, and a pair of nodes to copy from.
struct TrialGround: Sendable {
    let folder: TrialFolder
    let own: ClusterSettings
    let sharedHooks: String
    let binDirectory: String
    let version: Int
    let ports: [Int]

    init(own: ClusterSettings, sharedHooks: String) throws(TrialError) {
        self.own = own
        self.sharedHooks = sharedHooks
        (binDirectory, version) = try Self.programs(own.postgresql.binDirectory)
        ports = [try Self.freePort(), try Self.freePort()]
        folder = try TrialFolder()
    }

    /// Those that the cluster names, where they are on this machine; else the newest.
    private static func programs(_ wanted: String) throws(TrialError) -> (String, Int) {
        let root = "/usr/lib/postgresql"
        let majors = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
            .compactMap { Int($0) }.sorted(by: >)
        for folder in [wanted] + majors.map({ "\(root)/\($0)/bin" }) {
            let major = folder.split(separator: "/").dropLast().last.flatMap { Int($0) }
            guard let major, (13...18).contains(major),
                FileManager.default.isExecutableFile(atPath: folder + "/initdb")
            else { continue }
            return (folder, major)
        }
        throw TrialError(
            "there is no PostgreSQL of 13 to 18 on this machine: neither in \(wanted) nor below "
                + root, next: "install the package postgresql")
    }

    private static func freePort() throws(TrialError) -> Int {
        guard let port = LoopbackPort.unused() else {
            throw TrialError("no port is free", next: "look at `ss -lt`")
        }
        return Int(port)
    }

    private var template: String { folder.path + "/template" }

    /// A primary and its standby, made once, stopped, and copied for every trial.
    func prepare() async throws {
        let cluster = try TrialCluster(self, number: 0)
        try await cluster.lay(sharedHooks: sharedHooks)
        try await cluster.sh(
            #"""
            "$1"/initdb --pgdata="$2" --username=postgres --auth=trust --no-sync --no-locale >/dev/null
            """#, [binDirectory, cluster.a.dataDirectory])
        try await cluster.start(cluster.a)
        try await cluster.sh(
            #"""
            "$1"/pg_basebackup --pgdata="$2" --checkpoint=fast --host="$3" --port="$4" --username=postgres
            : >"$2/standby.signal"
            """#,
            [binDirectory, cluster.b.dataDirectory, cluster.path, String(cluster.a.port)])
        try await cluster.start(cluster.b)
        _ = try await cluster.soon { try await cluster.streams(cluster.b, from: cluster.a) }
        try await cluster.stop(cluster.b)
        try await cluster.stop(cluster.a)
        try await cluster.sh(
            #"rm -f -- "$1"/*/*.log; mv -- "$1" "$2""#, [cluster.path + "/data", template])
        try await cluster.end()
    }

    /// A pair of its own for one trial, stopped.
    func cluster(number: Int) async throws -> TrialCluster {
        let cluster = try TrialCluster(self, number: number)
        try await cluster.lay(sharedHooks: sharedHooks)
        try await cluster.sh(
            #"cp -a --reflink=auto -- "$1/." "$2""#, [template, cluster.path + "/data"])
        return cluster
    }
}
