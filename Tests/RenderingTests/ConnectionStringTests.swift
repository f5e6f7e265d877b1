import PostgresClient
import Rendering
import Testing

@Suite("Connection strings")
struct ConnectionStringTests {
    private func string(
        database: String? = nil, user: String? = nil, isReadOnly: Bool = false
    ) -> ConnectionString {
        ConnectionString(
            hosts: [("10.0.0.1", 5432), ("fe80::2", 5433)], database: database, user: user,
            isReadOnly: isReadOnly)
    }

    @Test func libpq() throws {
        #expect(
            try string(database: "app").libpq == """
                host=10.0.0.1,fe80::2 port=5432,5433 dbname=app target_session_attrs=read-write \
                connect_timeout=2 keepalives=1 keepalives_idle=5 keepalives_interval=2 \
                keepalives_count=3 tcp_user_timeout=10000
                """)
        #expect(try string(isReadOnly: true).libpq.contains("attrs=prefer-standby "))
    }

    @Test func uri() {
        #expect(
            string(database: "app", user: "joe").uri == """
                postgresql://joe@10.0.0.1:5432,[fe80::2]:5433/app?target_session_attrs=read-write\
                &connect_timeout=2&keepalives=1&keepalives_idle=5&keepalives_interval=2\
                &keepalives_count=3&tcp_user_timeout=10000
                """)
    }

    @Test func jdbc() {
        #expect(
            string(database: "app", user: "joe").jdbc == """
                jdbc:postgresql://10.0.0.1:5432,[fe80::2]:5433/app?user=joe\
                &targetServerType=primary&connectTimeout=2&tcpKeepAlive=true&hostRecheckSeconds=1
                """)
    }

    /// libpq is asked to read back what was written.
    @Test(arguments: [
        "it's", "back\\slash", "a b", "", "x=1 host=evil", "ü☃", "%00%41", "a:b@c/d?e&f#g", "-l",
        "{{x}}", "$(reboot);`x`", "tab\there", "line\nbreak",
    ])
    func hostileValuesAreReadBack(_ value: String) throws {
        let written = string(database: value, user: value)
        for text in [try written.libpq, written.uri] {
            let read = try Conninfo(parsing: text)
            #expect(read["dbname"] == value || value.isEmpty && read["dbname"] == nil, "\(text)")
            #expect(read["user"] == value || value.isEmpty, "\(text)")
            #expect(read["host"] == "10.0.0.1,fe80::2")
            #expect(read["password"] == nil)
            #expect(read["target_session_attrs"] == "read-write")
        }
        #expect(!written.jdbc.contains(" ") && !written.jdbc.contains("\n"))
    }
}
