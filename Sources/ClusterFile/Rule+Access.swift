extension Rule {
    static let accessRules: [Rule] = [
        Rule(
            code: "postgresql.trust_outside_lab", reads: ["postgresql.authentication", "lab"]
        ) { subject in
            guard subject.settings.postgresql.authentication == .trust, !subject.settings.isLab
            else { return [] }
            return [
                subject.violation(
                    "postgresql.authentication",
                    "`trust` lets everyone on these addresses in as the toolkit",
                    "write `scram-sha-256`, or in a laboratory `lab: true` at the top")
            ]
        },
        Rule(
            code: "postgresql.same_role",
            reads: ["postgresql.role", "postgresql.replication_role"]
        ) { subject in
            let postgresql = subject.settings.postgresql
            guard postgresql.role == postgresql.replicationRole else { return [] }
            return [
                subject.violation(
                    subject.laterWritten(["postgresql.role", "postgresql.replication_role"]),
                    "`role` and `replication_role` are both \(Found.quoted(postgresql.role)), and "
                        + "they have different rights",
                    "give them different names")
            ]
        },
        Rule(
            code: "postgresql.reserved_role",
            reads: ["postgresql.role", "postgresql.replication_role"]
        ) { subject in
            let postgresql = subject.settings.postgresql
            return [
                ("postgresql.role", postgresql.role),
                ("postgresql.replication_role", postgresql.replicationRole),
            ].filter { $0.1.hasPrefix("pg_") || ["public", "none"].contains($0.1) }
                .map { path, role in
                    subject.violation(
                        path, "PostgreSQL keeps the name \(Found.quoted(role)) for itself",
                        "choose another name")
                }
        },
    ]
}
