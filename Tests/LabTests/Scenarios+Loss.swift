import FailoverCore
import Foundation
import Glibc

extension Scenario {
    /// In the order in which they begin: the longest first.
    static let all: [Scenario] = scheduler + restarts + doubles + loss + orders

    /// The primary, or its machine, is lost.
    static let loss: [Scenario] = [
        Scenario(id: "L2", what: "kill -9 of the postmaster", boundMs: 1_000) { stage in
            let old = try await stage.cluster.primary()
            let fault = ContinuousClock.now
            try stage.cluster[old].killPostmaster()
            try await stage.failedOver(from: old, since: fault, within: .seconds(20))
            try await stage.redundant(since: fault)
        },
        Scenario(id: "L4", what: "the primary's cable is pulled", boundMs: 3_500) { stage in
            let old = try await stage.cluster.primary()
            let fault = ContinuousClock.now
            try await stage.cluster.lab.link(stage.cluster[old], isUp: false)
            try await stage.failedOver(from: old, since: fault, within: .seconds(30))
            try await stage.cluster.lab.link(stage.cluster[old], isUp: true)
            try await stage.redundant(since: .now)
        },
        Scenario(id: "L5", what: "the primary's VM is frozen, then thaws", boundMs: 3_500) {
            stage in
            let old = try await stage.cluster.primary()
            let fault = ContinuousClock.now
            try await stage.cluster[old].freeze()
            try await stage.failedOver(from: old, since: fault, within: .seconds(30))
            try await Task.sleep(for: .seconds(stage.isFull ? 60 : 12) - (.now - fault))
            stage.cluster[old].thaw()
            try await stage.redundant(since: .now)
        },
    ]
}
