import FailoverCore
import Foundation
import Glibc

/// The primary, or its machine, is lost.
extension Scenario {
    /// Each at full scale five times: the second failover is as welcome as the first.
    private static let repeated: @Sendable (LabCluster, Bool) async throws -> Void = { cluster, _ in
        try cluster.configure("failover: { min_interval: 0s }")
    }

    static let losses: [Scenario] = [
        Scenario(
            id: "L2", what: "kill -9 of the postmaster", boundMs: 1_000, prepare: repeated,
            play: { stage in
                try await stage.rounds(5) {
                    let old = try await stage.cluster.primary()
                    let fault = ContinuousClock.now
                    try stage.cluster[old].killPostmaster()
                    try await stage.failedOver(from: old, since: fault, within: .seconds(20))
                    try await stage.redundant(since: fault)
                }
            }),
        Scenario(
            id: "L4", what: "the primary's cable is pulled", boundMs: 3_500, prepare: repeated,
            play: { stage in
                try await stage.rounds(5) {
                    let old = try await stage.cluster.primary()
                    let fault = ContinuousClock.now
                    try await stage.cluster.lab.link(stage.cluster[old], isUp: false)
                    try await stage.failedOver(from: old, since: fault, within: .seconds(30))
                    try await stage.cluster.lab.link(stage.cluster[old], isUp: true)
                    try await stage.redundant(since: .now)
                }
            }),
        Scenario(
            id: "L5", what: "the primary's VM is frozen, then thaws", boundMs: 3_500,
            prepare: repeated,
            play: { stage in
                try await stage.rounds(5) {
                    let old = try await stage.cluster.primary()
                    let fault = ContinuousClock.now
                    try await stage.cluster[old].freeze()
                    try await stage.failedOver(from: old, since: fault, within: .seconds(30))
                    let span = Duration.seconds(stage.isFull ? 60 : 12)
                    try await Task.sleep(for: span - (.now - fault))
                    let thawed = ContinuousClock.now
                    stage.cluster[old].thaw()
                    try await stage.redundant(since: thawed)
                    stage.neverAcknowledged(old, since: thawed)
                }
            }),
        Scenario(
            id: "VM", what: "the primary's VM is gone", boundMs: 3_500, prepare: repeated,
            play: { stage in
                try await stage.rounds(5) {
                    let old = try await stage.cluster.primary()
                    let fault = ContinuousClock.now
                    try await stage.cluster[old].powerOff()
                    try await stage.failedOver(from: old, since: fault, within: .seconds(30))
                    let back = ContinuousClock.now
                    try await stage.cluster[old].renewBootID()
                    try await stage.cluster[old].boot()
                    // It may be worked on before it is up by itself.
                    _ = try? await stage.cluster[old].startPostgres()
                    try await stage.redundant(since: back)
                }
            }),
    ]

    /// In the order in which they begin: the longest first.
    static let all: [Scenario] = scheduler + restarts + doubles + losses + lines + orders
}
