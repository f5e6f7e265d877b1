import FailoverCore
import Testing

@Suite("Rules and transitions fit")
struct ClosureTests {
    @Test func everyChangeThatARuleCausesHasATransition() {
        #expect(Closure.gaps() == [])
    }

    @Test func everyPhaseIsReachedAndLeft() {
        #expect(Closure.defects() == [])
    }
}
