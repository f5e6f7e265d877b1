import FailoverCore

/// What holds at the end of every scenario.
extension Stage {
    func checkAlways() async throws {
        await writers.stop()
        await cluster.reader.stop()
        check(!writers.areRunning && !cluster.reader.isRunning, "an application does not end")
        let primary = try await cluster.primary()
        let rows = try await cluster.rows(on: cluster[primary])
        checkRows(rows)
        checkReads(rows)
        for difference in try await LabBranches(cluster, primary: primary).differences() {
            check(false, difference)
        }
        checkLogs()
        if !isPlanned, let bound = figures.boundMs, let writable = figures.writableMs {
            check(writable <= 3 * bound, "writable after \(writable) ms: over 3 times \(bound)")
        }
    }

    /// Every acknowledged row is there, in each term one node has accepted rows, and nobody has
    /// acknowledged beside another.
    private func checkRows(_ rows: [Int64: (node: String, term: Int)]) {
        let acknowledged = writers.acknowledged
        figures.acknowledged = acknowledged.count
        figures.lost = acknowledged.count { rows[$0.row] == nil }
        figures.doubleAcknowledged = DoubleAcknowledgements.count(acknowledged)
        check(!acknowledged.isEmpty, "nothing was acknowledged")
        check(figures.lost == 0, "\(figures.lost) acknowledged rows are lost")
        check(figures.doubleAcknowledged == 0, "two nodes acknowledged at a time")
        let strangers = acknowledged.count { row in
            rows[row.row].map { $0.node != "lab/\(row.node)" || $0.term != row.term } ?? false
        }
        check(strangers == 0, "\(strangers) rows bear another node or term than was acknowledged")
        let acceptors = Dictionary(grouping: rows.values, by: \.term).mapValues {
            Set($0.map(\.node))
        }
        for (term, nodes) in acceptors where nodes.count > 1 {
            check(false, "in term \(term) rows were accepted by \(nodes.sorted())")
        }
    }

    private func checkReads(_ rows: [Int64: (node: String, term: Int)]) {
        let reads = cluster.reader.findings
        figures.staleReads = reads.staleReads
        check(reads.reads > 0, "nothing was read")
        check(
            reads.missing.isEmpty,
            "\(reads.missing.count) acknowledged rows were not shown: "
                + reads.missing.prefix(5).joined(separator: "; "))
        let gone = reads.seen.filter { rows[$0] == nil }
        check(gone.isEmpty, "\(gone.count) rows that the primary has shown are lost")
    }

    private func checkLogs() {
        for vm in cluster.vms.prefix(3) {
            for line in vm.log.split(separator: "\n") where Self.isBad(line) {
                if let expected = expectedInLogs, line.contains(expected) { continue }
                check(false, "\(vm.name) logs: \(line)")
            }
        }
    }

    /// The end of the log after a crash reads as a record of impossible length: that is no damage.
    private static func isBad(_ line: Substring) -> Bool {
        if line.contains("PANIC:") { return true }
        return line.contains("invalid record")
            && !line.contains(/invalid record length at .* wanted \d+, got \d+$/)
    }
}
