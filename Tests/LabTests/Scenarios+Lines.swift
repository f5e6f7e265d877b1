import FailoverCore
import Foundation

/// Lines that are up, and carry too little: nothing that a pulled cable shows.
extension Scenario {
    static let lines: [Scenario] = [
        Scenario(
            id: "MUTE", what: "packets from the primary to one standby vanish, the others arrive",
            boundMs: 3_500, isPatient: true
        ) { stage in
            let cluster = stage.cluster
            let standby = try await cluster.standbys()[0]
            try await stage.primaryStays {
                try await stage.isDegraded(of: standby) {
                    let primary = try await cluster.primary()
                    try await cluster.lab.drop(to: cluster[standby], from: cluster[primary])
                }
            }
        },
        Scenario(
            id: "DEAF", what: "packets from both standbys to the primary vanish", boundMs: 8_000
        ) { stage in
            let cluster = stage.cluster
            let old = try await cluster.primary()
            let fault = ContinuousClock.now
            for standby in try await cluster.standbys() {
                try await cluster.lab.drop(to: cluster[old], from: cluster[standby])
            }
            // Whoever is opened, this one again or another, counts only who hears and is heard.
            try await until("somebody acknowledges", within: .seconds(60)) {
                stage.writers.acknowledged.last.map { $0.sent > fault + .seconds(1) } ?? false
            }
            try await stage.writers.goOn(100)
            stage.note(LabOutage(stage.writers.acknowledged, since: fault))
            try await cluster.lab.healNetwork(cluster.vms)
            try await stage.redundant(since: .now)
        },
        Scenario(
            id: "LOSSY", what: "one packet of ten between the primary and each standby is lost",
            isPatient: true
        ) { stage in
            let cluster = stage.cluster
            try await stage.primaryStays {
                let primary = try await cluster.primary()
                for standby in try await cluster.standbys() {
                    for (to, from) in [(standby, primary), (primary, standby)] {
                        try await cluster.lab.drop(
                            to: cluster[to], from: cluster[from], percent: 10)
                    }
                }
                try await Task.sleep(for: .seconds(stage.isFull ? 60 : 10))
            }
        },
        Scenario(
            id: "SLOW", what: "the lines between the primary and both standbys are slow",
            isPatient: true
        ) { stage in
            let cluster = stage.cluster
            try await stage.primaryStays {
                let primary = try await cluster.primary()
                for standby in try await cluster.standbys() {
                    let means = try await cluster.lab.slow(
                        cluster[primary], cluster[standby], milliseconds: 50, rate: "512kbit")
                    print("lab: SLOW between \(primary) and \(standby) by \(means)")
                }
                try await Task.sleep(for: .seconds(stage.isFull ? 60 : 10))
                for standby in try await cluster.standbys() {
                    let bytes = try await cluster.lab.slowed(
                        from: cluster[primary], to: cluster[standby])
                    stage.check(bytes > 10_000, "\(bytes) bytes went over the slow line")
                }
            }
        },
    ]
}

extension Stage {
    /// No failover comes of what happens to a line, and all is well when it is whole again.
    func primaryStays(_ fault: () async throws -> Void) async throws {
        let mark = try await mark()
        let primary = try await cluster.primary()
        let start = ContinuousClock.now
        try await fault()
        try await writers.goOn(100)
        note(LabOutage(writers.acknowledged, since: start))
        check(try await cluster.primary() == primary, "the primary has changed")
        let rules = try await rules(after: mark)
        check(!rules.contains("suspect.confirmed"), "a failover began")
        try await cluster.lab.healNetwork(cluster.vms)
        try await redundant(since: .now)
    }
}
