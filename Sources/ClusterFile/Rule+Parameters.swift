extension Rule {
    private static let reads = ["postgresql.parameters"]

    static let parameterRules: [Rule] = [
        Rule(code: "parameters.owned", reads: reads) { subject in
            violations(in: subject) { name, _ in
                ParameterName.ownersHint(name).map { ("this parameter belongs to the toolkit", $0) }
            }
        },
        Rule(code: "parameters.unsafe", reads: reads) { subject in
            violations(in: subject) { name, value in
                unsafe.first { $0.name == name && $0.values.contains(value.lowercased()) }
                    .map { ("`\(value)` is refused: \($0.because)", "leave it out") }
            }
        },
        Rule(code: "parameters.same", reads: reads) { subject in
            let names = subject.settings.postgresql.parameters.map { $0.name.lowercased() }
            return violations(
                in: subject,
                byIndex: { index in
                    let again = names[..<index].contains(names[index])
                    return again
                        ? ("it is written twice, in capital and small letters", "keep one of them")
                        : nil
                })
        },
        Rule(code: "parameters.too_few", reads: reads + ["nodes"]) { subject in
            let members = subject.settings.nodes.count
            let least = ["max_wal_senders": members + 2, "max_replication_slots": members]
            return violations(in: subject) { name, value in
                guard let least = least[name] else { return nil }
                guard let number = Int(value) else {
                    return ("expected a whole number", "write at least \(least), or leave it out")
                }
                guard number < least else { return nil }
                return (
                    "\(number) is too few for \(members) node\(members == 1 ? "" : "s")",
                    "write at least \(least), or leave it out"
                )
            }
        },
    ]

    private static let off: Set<String> = ["off", "false", "no", "0", "f", "n", "of", "fals", "fa"]

    private static let unsafe: [(name: String, values: Set<String>, because: String)] = [
        ("fsync", off, "a standby's acknowledgement would promise nothing"),
        ("full_page_writes", off, "pg_rewind and crash recovery need it"),
        ("wal_level", ["minimal"], "standbys can't stream from it"),
        ("hot_standby", off, "a standby could be neither observed nor promoted by SQL"),
    ]

    /// Of each parameter that `complaint` has something to say about; it gets the name in small
    /// letters.
    static func violations(
        in subject: Subject, _ complaint: (String, String) -> (String, String)?
    ) -> [Violation] {
        let parameters = subject.settings.postgresql.parameters
        return violations(
            in: subject,
            byIndex: { index in
                complaint(parameters[index].name.lowercased(), parameters[index].value)
            })
    }

    private static func violations(
        in subject: Subject, byIndex complaint: (Int) -> (String, String)?
    ) -> [Violation] {
        let path = "postgresql.parameters"
        let places = subject.reading.items[path]?.places ?? []
        let parameters = subject.settings.postgresql.parameters
        return parameters.indices.compactMap { index in
            complaint(index).map { message, hint in
                Violation(
                    setting: "\(path).\(parameters[index].name)", position: places[index],
                    message: message, hint: hint)
            }
        }
    }
}
