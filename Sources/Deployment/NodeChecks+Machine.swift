import ClusterFile
import Rendering

/// What PostgreSQL is sized by, against what the machine has.
extension NodeChecks {
    var machine: CheckResult? {
        guard let memory = survey.memoryBytes, let cores = survey.cores else { return nil }
        let data = place("data")
        let disk = data.totalBytes
        let told = node.machine
        let seen = "\(memory >> 20)MB of memory, \(cores) cores, \(disk >> 20)MB of disk for data"
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
        if let wanted = told.diskBytes, wanted > disk {
            return CheckResult(
                node.id, "machine", .warning,
                found: "it has \(seen); cluster.yaml says \(wanted >> 20)MB of disk",
                next: "correct `machine.disk`: WAL is kept for absent standbys by it")
        }
        guard told == MachineSettings() else { return CheckResult(node.id, "machine", found: seen) }
        return CheckResult(
            node.id, "machine",
            found: "PostgreSQL is not sized by it; write `machine: { memory: \(memory >> 20)MB, "
                + "cores: \(cores), disk: \(disk >> 20)MB }`")
    }

    /// What an absent standby may take of the disk, against what is free. Nil: it fits, or is not ours to say.
    var standbyWAL: CheckResult? {
        let name = "max_slot_wal_keep_size"
        let free = place("data").freeBytes
        let kept = Sizing(of: node, in: settings).maxSlotWALKeepSize << 20
        guard free > 0, kept > free,
            !settings.postgresql.parameters.contains(where: { $0.name.lowercased() == name })
        else { return nil }
        return CheckResult(
            node.id, "standby_wal", .warning,
            found: "an absent standby could fill the disk: \(name) is \(Self.megabytes(kept)), and "
                + "\(Self.megabytes(free)) are free",
            next: node.machine.diskBytes == nil
                ? "tell `machine.disk`, of which it gets a quarter, or set it under "
                    + "`postgresql.parameters`"
                : "make room, or set it under `postgresql.parameters`")
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
