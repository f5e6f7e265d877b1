import ClusterFile

/// Settings of the sources, one by one, along the mapping table.
extension Draft {
    /// `node` is who the file describes; nil: the cluster as a whole.
    mutating func apply(_ setting: SourceSetting, _ source: ImportSource, node: Int?) {
        guard let row = Mappings.row(of: setting.name, in: source) else {
            return unknown(setting, source)
        }
        switch row.convert(setting.value) {
        case .value(let scalar): set(row, scalar, setting, node)
        case .builtIn(let how): report.add(setting, nil, how)
        case .byHand(let because, let next): report.add(setting, because: because, next: next)
        case .together: break
        case .refused(let expected):
            let value = SecretText.hiding(in: Found.printable(String(setting.value.prefix(60))))
            problems.append(
                setting.problem(
                    "value.impossible", "expected \(expected), found \"\(value)\"",
                    "correct it in this file"))
        }
    }

    private mutating func set(
        _ row: Mapping, _ scalar: Scalar, _ setting: SourceSetting, _ node: Int?
    ) {
        guard case .setting(let target) = row.target else { return }
        if SecretText.isHeld(by: scalar.shown) || SecretText.isSecret(name: setting.name) {
            return reportSecret(setting, target)
        }
        if let key = target.dropping(prefix: "nodes[].") {
            for index in node.map({ [$0] }) ?? Array(nodes.indices) {
                set(key, of: index, scalar, from: setting)
            }
        } else if target == "postgresql.hba[]" {
            add(hba: scalar.shown, from: setting)
        } else if let name = target.dropping(prefix: "postgresql.parameters.") {
            let own = name == "*" ? setting.name.dropping(prefix: row.setting.dropLast()) : name
            set(parameter: own ?? name, scalar.shown, from: setting)
        } else {
            set(target, scalar, from: setting)
        }
    }

    mutating func reportSecret(_ setting: SourceSetting, _ target: String) {
        report.add(
            setting, because: "it holds a password, and cluster.yaml has none",
            next: "let it read the password from a file of mode 0600, then write it into "
                + "`\(target.replacing("*", with: ""))`")
    }

    private mutating func unknown(_ setting: SourceSetting, _ source: ImportSource) {
        let known = Mappings.all(of: source).map(\.setting)
        let near = Spelling.nearest(to: setting.name, among: known)
        report.add(
            setting, because: "the import does not know this setting",
            next: near.map { "did you mean `\($0)`?" } ?? "decide what you need of it")
    }

    /// Names of nodes, hosts and folders that have to be there.
    mutating func require(_ key: String, as setting: String, _ hint: String) {
        for node in nodes where node.values[key] == nil {
            let isRefused = problems.contains { $0.file == node.document.file }
            if isRefused { continue }
            problems.append(
                node.document.problem("setting.missing", setting, "it is missing", hint))
        }
    }
}

extension String {
    func dropping(prefix: Substring) -> String? { dropping(prefix: String(prefix)) }
}

extension SourceDocument {
    /// A setting that the file does not have, and what its absence means.
    func absent(_ name: String, meaning value: String) -> SourceSetting {
        SourceSetting(
            name: name, value: "(absent: \(value))", file: file,
            position: Position(line: 1, column: 1))
    }
}
