/// Every setting of `cluster.yaml`, documented from its declaration.
public enum ConfigReference {
    /// For a terminal.
    public static var text: String { "" }
    /// For `docs/`.
    public static var markdown: String { "" }
    /// For programs: an array of objects, one per setting.
    public static var json: String { "[]" }
}
