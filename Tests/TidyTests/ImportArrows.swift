/// Who may import whom: docs/architecture.md as data. An arrow points one way only.
enum ImportArrows {
    /// Free to every module but FailoverCore, which imports nothing at all.
    static let free: Set = ["Foundation", "Dispatch", "Glibc", "Synchronization", "Logging"]

    /// FailoverCore stands beside ClusterFile wherever that does: its names (node, term, LSN) are the
    /// words that the others speak.
    static let table: [String: Set<String>] = [
        "FailoverCore": [],
        "Reactor": ["CLinux", "HeapModule"],
        "PostgresClient": ["CLibPQ", "Reactor"],
        "Execution": ["CLibSSH2", "Reactor", "Subprocess", "SystemPackage"],
        "ClusterFile": ["FailoverCore", "Yams"],
        "Quotation": ["Execution"],
        "Rendering": ["FailoverCore", "ClusterFile", "Execution", "Quotation"],
        "Hooks": ["FailoverCore", "ClusterFile", "Execution", "Quotation"],
        "HookKit": ["FailoverCore", "ClusterFile", "Execution", "Hooks"],
        "Store": ["FailoverCore", "GRDB"],
        "Scheduler": [
            "FailoverCore", "Reactor", "PostgresClient", "Execution", "ClusterFile", "Quotation",
            "Rendering", "Hooks", "Store",
        ],
        "Deployment": [
            "FailoverCore", "ClusterFile", "Quotation", "Rendering", "Hooks", "Execution",
            "PostgresClient",
        ],
        "Import": ["ClusterFile", "Execution"],
        "Demo": [
            "Deployment", "Scheduler", "FailoverCore", "Store", "ClusterFile", "Rendering",
            "Hooks", "Execution", "PostgresClient",
        ],
        "ToolkitTesting": [
            "CLinux", "Reactor", "FailoverCore", "ClusterFile", "Execution", "PostgresClient",
        ],
        "Toolkit": [
            "Demo", "Import", "Deployment", "Scheduler", "Store", "HookKit", "Hooks", "Quotation",
            "Rendering", "ClusterFile", "Execution", "PostgresClient", "FailoverCore",
            "ArgumentParser",
        ],
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        guard let allowed = table[file.module] else {
            return [Finding(path: file.path, line: 1, says: "\(file.module) is not in the table")]
        }
        let free = file.module == "FailoverCore" ? [] : free
        return imports(in: file).compactMap { line, module in
            guard !allowed.contains(module), !free.contains(module) else { return nil }
            return Finding(
                path: file.path, line: line, says: "\(file.module) must not import \(module)")
        }
    }

    private static func imports(in file: SourceFile) -> [(line: Int, module: String)] {
        let statement =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/
        return file.lines.enumerated().compactMap { index, line in
            guard line.holds(anyOf: ["import "]) else { return nil }
            return line.firstMatch(of: statement).map { (index + 1, String($0.1)) }
        }
    }
}
