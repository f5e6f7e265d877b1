/// What a test waited for was not there in time.
public struct NotInTime: Error, CustomStringConvertible {
    public let description: String
}

/// Polls until `isSeen` holds; throws `NotInTime` after `span`.
public func until(
    _ what: String, within span: Duration = .seconds(30), every pause: Duration = .milliseconds(20),
    _ isSeen: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + span
    while try await !isSeen() {
        guard ContinuousClock.now < deadline else {
            throw NotInTime(description: "not within \(span): \(what)")
        }
        try await Task.sleep(for: pause)
    }
}
