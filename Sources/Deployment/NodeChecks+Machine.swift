import ClusterFile

/// What PostgreSQL is sized by, against what the machine has.
extension NodeChecks {
    var machine: CheckResult? {
        guard let memory = survey.memoryBytes, let cores = survey.cores else { return nil }
        let disk = survey.places["data"]?.freeBytes ?? 0
        let told = node.machine
        let seen = "\(memory >> 20)MB of memory, \(cores) cores, \(disk >> 30)GB free for data"
        if let wanted = told.memoryBytes, wanted > memory {
            return CheckResult(
                node.id, "machine", .warning,
                found: "it has \(seen); cluster.yaml says \(wanted >> 20)MB of memory",
                next: "correct `machine.memory`: PostgreSQL is sized by it and would run out of it")
        }
        if let wanted = told.cores, wanted > cores {
            return CheckResult(
                node.id, "machine", .warning,
                found: "it has \(seen); cluster.yaml says \(wanted) cores",
                next: "correct `machine.cores`")
        }
        guard told == MachineSettings() else { return CheckResult(node.id, "machine", found: seen) }
        return CheckResult(
            node.id, "machine",
            found: "\(seen); not told under `machine`, so PostgreSQL is not sized by it")
    }
}
