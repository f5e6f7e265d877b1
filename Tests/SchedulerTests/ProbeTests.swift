import FailoverCore
import Testing

@testable import Scheduler

@Suite("What a probe's row means")
struct ProbeTests {
    static let standby: [String?] = [
        "7710603267186015597", "t", "2", "1\t0/5000000\tno recovery target specified\n",
        "0/5000368",
        "0/5000400", "streaming", "13", nil, #"[["toolkit_node3", true, "reserved"]]"#,
        "ANY 1 (toolkit_locked)", "on",
        "host=10.0.0.1 port=5432 application_name='node2_3' passfile='/var/lib/o''x'", "4", "17",
        "f", "2026-11-21 12:38:42.892+00",
    ]

    @Test func aStandbyIsReadWhole() throws {
        let seen = try #require(ProbeQuery.observation(Self.standby))
        #expect(seen.isInRecovery)
        #expect(seen.timeline == TimelineID(2))
        #expect(seen.history.end(of: TimelineID(1)) == LSN(0x500_0000))
        #expect(seen.position == LSN("0/5000368"))
        #expect(seen.received == LSN("0/5000400"))
        #expect(seen.receiver == .init(status: "streaming", messageAgeMs: 13))
        #expect(
            seen.slots == [.init(name: "toolkit_node3", isActive: true, walStatus: "reserved")])
        #expect(seen.isLocked)
        #expect(seen.attachedAs == "node2_3")
        #expect(seen.stamp == Stamp(term: Term(4), step: Revision(17)))
    }

    @Test func sendersAreReadWithTheirNulls() throws {
        var row = Self.standby
        row[8] =
            #"[["node2_1","streaming","0/3002D78","2026-11-21 12:39:09+00"],["x","startup",null,null]]"#
        let seen = try #require(ProbeQuery.observation(row))
        #expect(
            seen.senders == [
                .init(
                    applicationName: "node2_1", state: "streaming", flush: LSN("0/3002D78"),
                    replyTime: "2026-11-21 12:39:09+00"),
                .init(applicationName: "x", state: "startup", flush: nil, replyTime: nil),
            ])
    }

    @Test(arguments: ["-1", "90000000", "x"])
    func anAbsurdAgeIsNone(age: String) throws {
        var row = Self.standby
        row[7] = age
        #expect(try #require(ProbeQuery.observation(row)).receiver?.messageAgeMs == nil)
    }

    @Test(arguments: [(0, nil), (2, "x"), (3, "1 nonsense"), (4, nil)] as [(Int, String?)])
    func anUnreadableRowIsNoObservation(column: Int, value: String?) {
        var row = Self.standby
        row[column] = value
        #expect(ProbeQuery.observation(row) == nil)
    }

    @Test(
        arguments: [
            ("", nil), ("host=a", nil), ("application_name=node1_2", "node1_2"),
            ("host=a application_name = 'no de' port=1", "no de"),
            (#"application_name='a\'b\\c'"#, #"a'b\c"#),
            ("application_name=first application_name=last", "last"),
            ("passfile='application_name=wrong'", nil),
        ] as [(String, String?)])
    func theApplicationNameIsReadAsLibpqDoes(text: String, name: String?) {
        #expect(ConnectionText.value(of: "application_name", in: text) == name)
    }
}
