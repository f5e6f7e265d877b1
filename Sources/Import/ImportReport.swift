import ClusterFile

/// What became of each setting of the source files. Secrets are hidden.
public struct ImportReport: Hashable, Codable, Sendable {
    /// A setting that has a place in cluster.yaml, or is met without one.
    public struct Mapped: Hashable, Codable, Sendable {
        public var file: String
        public var line: Int
        public var setting: String
        public var value: String
        /// Nil: the product does it without a setting.
        public var target: String?
        /// What the target got; of what is built in: how.
        public var becomes: String
    }

    /// A setting that has none.
    public struct Unmapped: Hashable, Codable, Sendable {
        public var file: String
        public var line: Int
        public var setting: String
        public var value: String
        public var because: String
        /// What to do by hand; empty: nothing.
        public var next: String
    }

    public private(set) var mapped: [Mapped] = []
    public private(set) var unmapped: [Unmapped] = []

    mutating func add(_ origin: SourceSetting, _ target: String?, _ becomes: String) {
        let entry = Mapped(
            file: origin.file, line: origin.position.line, setting: origin.name,
            value: Self.shown(origin), target: target,
            becomes: SecretText.hiding(in: becomes))
        if !mapped.contains(entry) { mapped.append(entry) }
    }

    /// The same value of another file with the same reason is told once.
    mutating func add(_ origin: SourceSetting, because: String, next: String) {
        let isTold = unmapped.contains {
            $0.setting == origin.name && $0.value == Self.shown(origin) && $0.because == because
        }
        if isTold { return }
        unmapped.append(
            Unmapped(
                file: origin.file, line: origin.position.line, setting: origin.name,
                value: Self.shown(origin), because: because, next: next))
    }

    /// Everything that went to `target`, of whichever file.
    mutating func retract(target: String, _ becomes: String) {
        mapped.removeAll { $0.target == target && $0.becomes == SecretText.hiding(in: becomes) }
    }

    private static func shown(_ origin: SourceSetting) -> String {
        SecretText.isSecret(name: origin.name)
            ? SecretText.hidden : SecretText.hiding(in: origin.value)
    }
}
