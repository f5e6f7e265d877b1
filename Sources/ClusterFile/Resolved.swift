import FailoverCore

/// Values of settings by declared path: what the file says, else the declared default.
///
/// A setting with a problem has its default here, or an empty value where there is none: the file
/// is refused anyway, and what follows from the value is not checked.
struct Resolved {
    var reading: Reading

    var cluster: String { reading.text("cluster") ?? "" }
    var version: Int { number("postgresql.version") }

    func flag(_ path: String) -> Bool { reading.flag(path) ?? (written(path) == "true") }

    func number(_ path: String) -> Int {
        reading.number(path) ?? inherited(path).map(number) ?? Int(written(path)) ?? 0
    }

    func duration(_ path: String) -> Int64 {
        reading.duration(path) ?? DurationText.parse(written(path)) ?? 0
    }

    func size(_ path: String) -> Int64 {
        reading.size(path) ?? SizeText.parse(written(path)) ?? 0
    }

    func text(_ path: String) -> String {
        reading.text(path) ?? inherited(path).map(text) ?? written(path)
    }

    /// Nil where the file says nothing and no default stands.
    func optionalText(_ path: String) -> String? { reading.text(path) }

    /// `nodes[1].port` is declared as `nodes[].port`.
    static func declared(_ path: String) -> String {
        let bytes = path.utf8
        guard let open = bytes.firstIndex(of: UInt8(ascii: "[")),
            let close = bytes.firstIndex(of: UInt8(ascii: "]"))
        else { return path }
        return String(path[...open]) + String(path[close...])
    }

    /// The setting that the default of `path` is taken from, of the same node.
    private func inherited(_ path: String) -> String? {
        guard case .same(let other) = Settings.byPath[Self.declared(path)]?.fallback else {
            return nil
        }
        guard other.hasPrefix("nodes[]"), let close = path.firstIndex(of: "]") else {
            return other
        }
        return String(path[...close]) + String(other.dropFirst("nodes[]".count))
    }

    /// The name of the node that `path` belongs to.
    private func nodeName(_ path: String) -> String {
        guard let close = path.firstIndex(of: "]") else { return "" }
        return reading.text("\(path[...close]).name") ?? ""
    }

    /// The declared default as it would be written.
    private func written(_ path: String) -> String {
        guard let fallback = Settings.byPath[Self.declared(path)]?.fallback else { return "" }
        switch fallback {
        case .value(let text): return text
        case .pattern(let text):
            return text.replacing("<version>", with: "\(version)")
                .replacing("<cluster>", with: cluster)
                .replacing("<node>", with: nodeName(path))
        case .profile(let normal, let fast, let patient):
            switch reading.text("failover.profile") {
            case "fast": return fast
            case "patient": return patient
            default: return normal
            }
        case .required, .none, .same, .counted: return ""
        }
    }
}
