/// What the walk over a file has found: the values by their path as written, `nodes[1].port`.
struct Reading {
    enum Value: Hashable {
        case flag(Bool)
        case number(Int)
        case duration(Int64)
        case size(Int64)
        case text(String)
        case texts([String])
        case parameters([PostgresSettings.Parameter])
        case group
    }

    struct Item: Hashable {
        var value: Value
        var position: Position
        /// Places of the entries of a list, or of the values of parameters.
        var places: [Position] = []
    }

    var file: String
    var items: [String: Item] = [:]
    var nodeCount = 0
    var problems: [Finding] = []
    /// Declared paths whose value is not known, because of a problem: rules that read them wait.
    var faulty: Set<String> = []

    func position(of path: String) -> Position? {
        if let item = items[path] { return item.position }
        guard let dot = path.lastIndex(of: ".") else { return nil }
        return position(of: String(path[..<dot]))
    }

    func isWritten(_ path: String) -> Bool { items[path] != nil }

    func flag(_ path: String) -> Bool? {
        if case .flag(let flag) = items[path]?.value { flag } else { nil }
    }
    func number(_ path: String) -> Int? {
        if case .number(let number) = items[path]?.value { number } else { nil }
    }
    func duration(_ path: String) -> Int64? {
        if case .duration(let ms) = items[path]?.value { ms } else { nil }
    }
    func size(_ path: String) -> Int64? {
        if case .size(let bytes) = items[path]?.value { bytes } else { nil }
    }
    func text(_ path: String) -> String? {
        if case .text(let text) = items[path]?.value { text } else { nil }
    }
    func texts(_ path: String) -> [String]? {
        if case .texts(let texts) = items[path]?.value { texts } else { nil }
    }
    func parameters(_ path: String) -> [PostgresSettings.Parameter]? {
        if case .parameters(let parameters) = items[path]?.value { parameters } else { nil }
    }

    /// Whether a problem stands in the way of knowing the settings at declared `path`.
    func isUnknown(_ path: String) -> Bool {
        faulty.contains { path == $0 || path.hasPrefix($0 + ".") || path.hasPrefix($0 + "[") }
    }

    mutating func refuse(
        _ code: String, at position: Position?, _ setting: String, _ message: String,
        _ hint: String, declared: String? = nil
    ) {
        problems.append(
            Finding(
                code: code, file: file, position: position, setting: setting, message: message,
                hint: hint))
        if let declared { faulty.insert(declared) }
    }
}
