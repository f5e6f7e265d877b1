/// A large value that many look at and few change: a copy of it costs one reference. It reads like
/// the value itself.
@dynamicMemberLookup
struct Shared<Value: Hashable & Sendable>: Hashable, Sendable {
    /// Invariant: holds one. An array is shared until it is changed.
    private var storage: [Value]

    init(_ value: Value) { storage = [value] }

    var value: Value { storage[0] }

    subscript<Part>(dynamicMember part: KeyPath<Value, Part>) -> Part { storage[0][keyPath: part] }

    func isEqual(to value: Value) -> Bool { storage[0] == value }

    /// In place, unless another holds the value too.
    mutating func change(_ body: (inout Value) -> Void) { body(&storage[0]) }
}
