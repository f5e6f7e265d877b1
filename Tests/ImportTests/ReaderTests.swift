import Testing

@testable import Import

@Suite("Reading the sources' files")
struct ReaderTests {
    @Test func placeholder() { #expect(HostPort.split("[::1]:5432")?.port == "5432") }
}
