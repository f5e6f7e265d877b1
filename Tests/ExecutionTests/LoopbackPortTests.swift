import Execution
import Testing

@Suite("Ports for servers of our own")
struct LoopbackPortTests {
    @Test func noPortIsGivenTwice() throws {
        let ports = try (0..<200).map { _ in try #require(LoopbackPort.unused()) }
        #expect(Set(ports).count == ports.count)
        // Where no outgoing connection of this machine begins.
        #expect(ports.allSatisfy { $0 < 32_768 })
    }
}
