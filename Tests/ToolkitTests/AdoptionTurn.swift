import Testing

@testable import Execution

/// One adoption at a time: each sees the programs that look after its user's servers, also another
/// test's.
struct AdoptionTurn: TestTrait, TestScoping {
    private static let gate = Gate(width: 1)

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try #require(await Self.gate.enter(until: .now + .seconds(240)), "no turn in time")
        do {
            try await function()
            await Self.gate.leave()
        } catch {
            await Self.gate.leave()
            throw error
        }
    }
}

extension Trait where Self == AdoptionTurn {
    static var adopts: Self { AdoptionTurn() }
}
