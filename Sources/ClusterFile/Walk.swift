/// Walks a document along the declaration and keeps what fits.
struct Walk {
    private(set) var reading: Reading

    init(_ document: Document, file: String) {
        reading = Reading(file: file)
        group(declared: "", path: "", document.root)
    }

    private mutating func group(declared: String, path: String, _ entry: Document.Entry) {
        guard case .mapping(let pairs) = entry.value else {
            if case .nothing = entry.value, !declared.isEmpty, !declared.hasSuffix("]") { return }
            reading.refuse(
                "value.type", at: entry.position, path,
                "expected a mapping, found \(Found.describe(entry.value))",
                path.isEmpty
                    ? "start with `cluster: NAME` and `nodes:`" : "write `key: value` lines",
                declared: declared)
            return
        }
        if !path.isEmpty {
            reading.items[path] = .init(value: .group, position: entry.position)
        }
        let settings = Settings.byGroup[declared] ?? []
        var seen: Set<String> = []
        for (key, value) in pairs {
            guard let setting = settings.first(where: { $0.name == key.name }) else {
                unknown(key, declared: declared, path: path, settings)
                continue
            }
            seen.insert(setting.name)
            let below = path.isEmpty ? setting.name : "\(path).\(setting.name)"
            var value = value
            if case .nothing = value.value { value.position = key.position }
            take(setting, below, value)
        }
        missing(
            settings.filter { $0.fallback == .required && !seen.contains($0.name) },
            path: path, at: path.isEmpty ? Position(line: 1, column: 1) : entry.position)
    }

    private mutating func missing(_ settings: [Setting], path: String, at position: Position) {
        for setting in settings where !reading.faulty.contains(setting.path) {
            let hint =
                setting.type == .groups
                ? "add `nodes:` and below it `  - { name: node1, host: 10.0.0.1 }`"
                : "add for example `\(setting.name): \(setting.example)`"
            reading.refuse(
                "key.missing", at: position, path,
                "`\(setting.name)` is missing", hint, declared: setting.path)
        }
    }

    private mutating func unknown(
        _ key: Document.Key, declared: String, path: String, _ settings: [Setting]
    ) {
        let name = key.name.map { String($0.prefix(60)) } ?? "(no text)"
        let full = path.isEmpty ? name : "\(path).\(name)"
        let known = settings.map(\.name)
        var hint = "known here: " + known.joined(separator: ", ")
        let near = Spelling.nearest(to: name, among: known)
        if let near {
            hint = "did you mean `\(near)`? " + hint
        } else if let other = Settings.all.first(where: { $0.name == name }) {
            hint = "`\(name)` is known as `\(other.path)`; " + hint
        }
        reading.refuse(
            "key.unknown", at: key.position, Found.printable(full), "there is no such setting",
            hint, declared: near.map { declared.isEmpty ? $0 : "\(declared).\($0)" })
    }

    private mutating func take(_ setting: Setting, _ path: String, _ entry: Document.Entry) {
        switch setting.type {
        case .group: group(declared: setting.path, path: path, entry)
        case .groups: groups(setting, path, entry)
        case .command: command(setting, path, entry)
        case .texts(let rule): texts(setting, rule, path, entry)
        case .parameters: parameters(setting, path, entry)
        default: scalar(setting, path, entry)
        }
    }

    private mutating func groups(_ setting: Setting, _ path: String, _ entry: Document.Entry) {
        guard case .list(let entries) = entry.value else {
            return wrong(setting, path, entry)
        }
        reading.items[path] = .init(value: .group, position: entry.position)
        reading.nodeCount = entries.count
        if entries.isEmpty {
            reading.refuse(
                "value.impossible", at: entry.position, path, "expected at least one node",
                "add a node: `- { name: node1, host: 10.0.0.1 }`", declared: setting.path)
        }
        for (index, entry) in entries.enumerated() {
            group(declared: "\(setting.path)[]", path: "\(path)[\(index)]", entry)
        }
    }

    private mutating func command(_ setting: Setting, _ path: String, _ entry: Document.Entry) {
        switch entry.value {
        case .mapping: group(declared: setting.path, path: path, entry)
        case .text(let text): self.text(setting, .command, path, text, entry)
        default: wrong(setting, path, entry)
        }
    }

    private mutating func texts(
        _ setting: Setting, _ rule: TextRule, _ path: String, _ entry: Document.Entry
    ) {
        guard case .list(let entries) = entry.value else { return wrong(setting, path, entry) }
        var texts: [String] = []
        for (index, entry) in entries.enumerated() {
            let below = "\(path)[\(index)]"
            guard case .text(let text) = entry.value else {
                wrong(setting, below, entry, expected: rule.noun)
                continue
            }
            if let complaint = rule.complaint(about: text) {
                impossible(setting, below, entry, rule.noun, complaint)
                continue
            }
            texts.append(text)
        }
        reading.items[path] = .init(
            value: .texts(texts), position: entry.position, places: entries.map(\.position))
    }

    private mutating func parameters(
        _ setting: Setting, _ path: String, _ entry: Document.Entry
    ) {
        guard case .mapping(let pairs) = entry.value else {
            if case .nothing = entry.value { return }
            return wrong(setting, path, entry)
        }
        var found: [(parameter: PostgresSettings.Parameter, place: Position)] = []
        for (key, value) in pairs {
            let below = "\(path).\(Found.printable(key.name ?? "(no text)"))"
            guard let name = key.name, ParameterName.isValid(name) else {
                reading.refuse(
                    "value.impossible", at: key.position, below,
                    "expected the name of a PostgreSQL parameter",
                    "letters, digits and underscores, with a dot for parameters of extensions",
                    declared: setting.path)
                continue
            }
            guard let text = Found.asWritten(value.value) else {
                let place = if case .nothing = value.value { key.position } else { value.position }
                wrong(
                    setting, below, .init(value: value.value, position: place),
                    expected: "one value", hint: "write for example `\(name): 'value'`")
                continue
            }
            guard !text.unicodeScalars.contains("\0") else {
                reading.refuse(
                    "value.impossible", at: value.position, below,
                    "expected one value: it holds a NUL character", "remove it",
                    declared: setting.path)
                continue
            }
            found.append((.init(name: name, value: text), value.position))
        }
        found.sort { $0.parameter.name < $1.parameter.name }
        reading.items[path] = .init(
            value: .parameters(found.map(\.parameter)), position: entry.position,
            places: found.map(\.place))
    }
}

extension Walk {
    private mutating func scalar(_ setting: Setting, _ path: String, _ entry: Document.Entry) {
        switch (setting.type, entry.value) {
        case (.flag, .flag(let word)) where word == "true" || word == "false":
            keep(.flag(word == "true"), path, entry)
        case (.number(let range), .number(let digits)):
            guard let number = Int(digits), "\(number)" == digits else {
                return wrong(setting, path, entry)
            }
            range.contains(number)
                ? keep(.number(number), path, entry) : outOfRange(setting, path, entry)
        case (.duration(let range), .text(let text)):
            guard let ms = DurationText.parse(text) else { return wrong(setting, path, entry) }
            range.contains(ms)
                ? keep(.duration(ms), path, entry) : outOfRange(setting, path, entry)
        case (.size(let range), .text(let text)):
            guard let bytes = SizeText.parse(text) else { return wrong(setting, path, entry) }
            range.contains(bytes)
                ? keep(.size(bytes), path, entry) : outOfRange(setting, path, entry)
        case (.choice(let words), .text(let word)):
            words.contains(word)
                ? keep(.text(word), path, entry) : outOfRange(setting, path, entry)
        case (.text(let rule), .text(let text)):
            self.text(setting, rule, path, text, entry)
        default:
            wrong(setting, path, entry)
        }
    }

    private mutating func text(
        _ setting: Setting, _ rule: TextRule, _ path: String, _ text: String,
        _ entry: Document.Entry
    ) {
        if let complaint = rule.complaint(about: text) {
            return impossible(setting, path, entry, rule.noun, complaint)
        }
        keep(.text(text), path, entry)
    }

    private mutating func keep(_ value: Reading.Value, _ path: String, _ entry: Document.Entry) {
        reading.items[path] = .init(value: value, position: entry.position)
    }

    private mutating func outOfRange(
        _ setting: Setting, _ path: String, _ entry: Document.Entry
    ) {
        wrong(setting, path, entry, code: "value.impossible")
    }

    private mutating func wrong(
        _ setting: Setting, _ path: String, _ entry: Document.Entry, code: String = "value.type",
        expected: String? = nil, hint: String? = nil
    ) {
        reading.refuse(
            code, at: entry.position, path,
            "expected \(expected ?? setting.type.expectation), "
                + "found \(Found.describe(entry.value))",
            hint ?? Found.hint(for: entry.value, of: setting), declared: setting.path)
    }

    private mutating func impossible(
        _ setting: Setting, _ path: String, _ entry: Document.Entry, _ noun: String,
        _ complaint: (because: String, hint: String)
    ) {
        reading.refuse(
            "value.impossible", at: entry.position, path,
            "expected \(noun), found \(Found.describe(entry.value)): \(complaint.because)",
            complaint.hint, declared: setting.path)
    }
}
