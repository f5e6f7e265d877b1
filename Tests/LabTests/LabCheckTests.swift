import Foundation
import Testing

/// The lab's own measures, on acknowledgements that were made up.
@Suite("What the lab counts")
struct LabCheckTests {
    private static let start = ContinuousClock.now

    private static func row(
        _ number: Int64, _ node: String, term: Int, sent: Int, at: Int, writer: Int = 0
    ) -> LabWriters.Acknowledgement {
        LabWriters.Acknowledgement(
            row: number, writer: writer, node: node, term: term,
            sent: start + .milliseconds(sent), at: start + .milliseconds(at))
    }

    @Test func aHandOverIsNoDoubleAcknowledgement() {
        let rows = [
            Self.row(1, "vm1", term: 1, sent: 0, at: 10),
            // Sent before the other's first, told after it: the answer was under way.
            Self.row(2, "vm1", term: 1, sent: 20, at: 60),
            Self.row(3, "vm2", term: 2, sent: 30, at: 40),
        ]
        #expect(DoubleAcknowledgements.count(rows) == 0)
    }

    @Test func twoNodesInATermAreSeen() {
        let rows = [
            Self.row(1, "vm1", term: 1, sent: 0, at: 10),
            Self.row(2, "vm2", term: 1, sent: 20, at: 30),
        ]
        #expect(DoubleAcknowledgements.count(rows) == 1)
    }

    @Test func anOldTermAfterALaterOneIsSeen() {
        let rows = [
            Self.row(1, "vm1", term: 1, sent: 0, at: 10),
            Self.row(2, "vm2", term: 2, sent: 20, at: 30),
            Self.row(3, "vm1", term: 1, sent: 40, at: 50),
        ]
        #expect(DoubleAcknowledgements.count(rows) == 1)
    }

    @Test func anOutageEndsWithTheFirstAcknowledgementElsewhere() {
        let rows = [
            Self.row(1, "vm1", term: 1, sent: 100, at: 110),
            Self.row(2, "vm2", term: 2, sent: 690, at: 700),
            Self.row(3, "vm2", term: 2, sent: 890, at: 900, writer: 1),
        ]
        let outage = LabOutage(rows, since: Self.start + .milliseconds(100), leaving: "vm1")
        #expect(outage.first == 600)
        #expect(outage.slowest == 800)
        let gap = LabOutage(rows, since: Self.start + .milliseconds(100))
        #expect(gap.first == 590)
        #expect(gap.slowest == 800)
    }
}
