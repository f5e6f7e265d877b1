extension Command {
    /// Refuses what no process can be given.
    func check(for place: String) throws(ExecutionError) {
        func refusal(_ because: String, next: String) -> ExecutionError {
            ExecutionError(
                .notStarted, "cannot run \(arguments.first ?? "a command") on \(place)",
                because: because, next: next)
        }
        guard let program = arguments.first, !program.isEmpty else {
            throw refusal("no program is named", next: "name one as the first word")
        }
        guard !arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw refusal("an argument holds a NUL byte", next: "pass it on standard input")
        }
        for (name, value) in environment {
            guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")),
                !name.utf8.contains(0), !value.utf8.contains(0)
            else {
                throw refusal(
                    "the environment variable '\(name)' cannot be set",
                    next: "use a name without '=' and a value without NUL bytes")
            }
        }
    }

    func cancelledBeforeStart(on place: String) -> ExecutionError {
        ExecutionError(
            .notStarted, "did not run \(arguments.first ?? "a command") on \(place)",
            because: "the operation was cancelled", next: "start the operation again")
    }
}
