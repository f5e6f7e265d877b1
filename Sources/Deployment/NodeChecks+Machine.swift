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

    /// The first Linux whose syncfs(2) tells of a write that was lost, in the manual page of it.
    private static let kernelThatTells = [5, 8]

    /// Nil: a start after a crash sees whatever the disk has lost.
    var kernel: CheckResult? {
        guard let kernel = survey.kernel, settings.postgresql.version >= 14,
            kernel.lexicographicallyPrecedes(Self.kernelThatTells),
            !settings.postgresql.parameters.contains(where: {
                $0.name == "recovery_init_sync_method"
            })
        else { return nil }
        return CheckResult(
            node.id, "kernel", .warning,
            found: "Linux \(kernel[0]).\(kernel[1]) does not tell syncfs of a write that was lost",
            next:
                "set `recovery_init_sync_method: fsync` under `postgresql.parameters`, or update it"
        )
    }
}
