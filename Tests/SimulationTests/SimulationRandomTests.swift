import Testing
import ToolkitTesting

@Suite("Simulation: random numbers")
struct SimulationRandomTests {
    @Test func areTheSameForASeedEverywhere() {
        var random = SimulationRandom(seed: 1)
        #expect(
            (0..<3).map { _ in random.next() } == [
                0x910A_2DEC_8902_5CC1, 0xBEEB_8DA1_658E_EC67, 0xF893_A2EE_FB32_555E,
            ])
    }
}
