/// The mapping tables.
public enum Mappings {
    public static func all(of source: ImportSource) -> [Mapping] {
        switch source {
        case .repmgr: repmgr
        case .patroni: patroni
        case .pgAutoFailover: pgAutoFailover
        }
    }

    /// The row of a setting: one that names it, else the longest pattern.
    static func row(of name: String, in source: ImportSource) -> Mapping? {
        let rows = all(of: source)
        if let exact = rows.first(where: { $0.setting == name }) { return exact }
        return rows.filter { $0.covers(name) }.max { $0.setting.count < $1.setting.count }
    }
}
