import ClusterFile
import Testing

@testable import Deployment

@Suite("Passwords")
struct PasswordsTests {
    static let settings = try? ClusterFile.parse(
        """
        cluster: shop
        postgresql: { role: 'a:b\\c' }
        nodes:
          - { name: node1, host: "fe80::1", data_dir: /d }
          - { name: node2, host: db2, port: 5433, data_dir: /d }
        """, environment: ["HOME": "/root"]
    ).settings

    @Test func fileIsReadBack() throws {
        let settings = try #require(Self.settings)
        let roles = ["a:b\\c", "toolkit_replication"]
        let passwords = Passwords(
            byRole: ["a:b\\c": "p:w\\d'\"", "toolkit_replication": "plain"])
        let text = try passwords.file(settings, roles: roles)
        #expect(
            text == #"""
                fe80\:\:1:5432:*:a\:b\\c:p\:w\\d'"
                db2:5433:*:a\:b\\c:p\:w\\d'"
                fe80\:\:1:5432:*:toolkit_replication:plain
                db2:5433:*:toolkit_replication:plain

                """#)
        #expect(Passwords(text: text) == passwords)
    }

    @Test func randomOnesNeedNoQuotingAndDiffer() {
        let made = (0..<50).map { _ in Passwords.random() }
        #expect(Set(made).count == 50)
        #expect(
            made.allSatisfy { password in
                password.count == 32
                    && password.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            })
    }
}
