import Dispatch
import Synchronization

extension Array where Element: Sendable {
    /// As `map`, on all processors at once; the results keep the order of the elements.
    package func mapOnAllProcessors<Mapped: Sendable>(
        _ transform: @Sendable (Element) -> Mapped
    ) -> [Mapped] {
        let results = Mutex([Mapped?](repeating: nil, count: count))
        DispatchQueue.concurrentPerform(iterations: count) { index in
            let mapped = transform(self[index])
            results.withLock { $0[index] = mapped }
        }
        return results.withLock { $0.compactMap(\.self) }
    }
}
