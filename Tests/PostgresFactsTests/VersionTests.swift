import Testing
import ToolkitTesting

@Suite("The versions that are here")
struct VersionTests {
    @Test func atLeastOneIsHere() {
        #expect(!ServerVersion.all.isEmpty, "no PostgreSQL has all of \(ServerVersion.programs)")
    }

    @Test("each is the major that its folder says", arguments: ServerVersion.all)
    func version(_ version: ServerVersion) async throws {
        try await withServer(version) { primary in
            let number = try #require(
                Int(try await primary.current("current_setting('server_version_num')")))
            #expect(number / 10_000 == version.major)
            #expect(try await primary.value("select count(*) from t") == "0")
        }
    }

    @Test(
        .enabled(
            if: ServerVersion.missing.isEmpty,
            """
            SKIPPED: the facts are not tried on PostgreSQL \(ServerVersion.missing), which is not here; \
            ./install.sh test fetches it, or name its folder in TOOLKIT_POSTGRESQL_DIRS
            """))
    func allAreHere() {
        #expect(ServerVersion.all.map(\.major) == ServerVersion.wanted)
    }
}
