import ClusterFile

/// Patroni's YAML and the monitor's JSON, which is YAML too, as flat settings.
struct YAMLReader {
    /// A mapping as one document.
    static func read(_ file: ImportFile) throws(ImportError) -> SourceDocument {
        let root = try root(of: file)
        guard case .mapping = root.value else {
            throw ImportError(problems: [
                Finding(
                    code: "value.type", file: file.path, position: root.position,
                    message: "expected a mapping", hint: "name the whole configuration file")
            ])
        }
        return try document(root, file)
    }

    /// A mapping, or each mapping of a list.
    static func readList(_ file: ImportFile) throws(ImportError) -> [SourceDocument] {
        let root = try root(of: file)
        guard case .list(let entries) = root.value else { return [try document(root, file)] }
        var documents: [SourceDocument] = []
        for entry in entries { documents.append(try document(entry, file)) }
        return documents
    }

    private static func root(of file: ImportFile) throws(ImportError) -> Document.Entry {
        guard file.text.contains(where: { !$0.isWhitespace }) else {
            throw ImportError(problems: [
                Finding(
                    code: "file.empty", file: file.path, message: "the file is empty",
                    hint: "name the whole configuration file")
            ])
        }
        do throws(ClusterFileError) {
            let document = try Document(file.text, file: file.path)
            guard document.problems.isEmpty else {
                throw ClusterFileError(path: file.path, problems: document.problems)
            }
            return document.root
        } catch {
            throw ImportError(problems: error.problems)
        }
    }

    private static func document(
        _ entry: Document.Entry, _ file: ImportFile
    ) throws(ImportError) -> SourceDocument {
        var reader = YAMLReader(file: file.path)
        reader.take(entry, path: "")
        guard reader.problems.isEmpty else { throw ImportError(problems: reader.problems) }
        return SourceDocument(file: file.path, settings: reader.settings)
    }

    private var file: String
    private var settings: [SourceSetting] = []
    private var problems: [Finding] = []

    private init(file: String) { self.file = file }

    private mutating func take(_ entry: Document.Entry, path: String) {
        switch entry.value {
        case .mapping(let pairs):
            for (key, value) in pairs {
                guard let name = key.name else {
                    problems.append(
                        Finding(
                            code: "key.type", file: file, position: key.position, setting: path,
                            message: "this key is no text", hint: "correct or remove it"))
                    continue
                }
                take(value, path: path.isEmpty ? name : "\(path).\(name)")
            }
        case .list(let entries):
            for entry in entries { take(entry, path: path + "[]") }
        case .flag(let text), .number(let text), .text(let text):
            settings.append(
                SourceSetting(name: path, value: text, file: file, position: entry.position))
        case .nothing: break
        }
    }
}
