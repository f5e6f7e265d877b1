/// Text with holes: `{{ name | filter }}`, `{{#if a.b}} {{else}} {{/if}}`, `{{#unless}}`,
/// `{{#each list}}`, `{{! remark }}`.
///
/// Strict: an undefined variable, a wrong type, an unknown filter, text without a filter and an
/// unclosed block are errors with file, line and column. Block tags and remarks alone on a line
/// leave no line behind. Inside `#each` a name is looked up in the element first, `.` is the
/// element itself.
public struct Template: Sendable {
    public let file: String
    let parts: [TemplatePart]

    public init(_ source: String, file: String) throws(TemplateError) {
        self.file = file
        var parser = TemplateParser(file: file)
        parts = try parser.parse(source)
    }

    public func render(_ variables: [String: TemplateValue]) throws(TemplateError) -> String {
        var output = ""
        try write(parts, [.table(variables)], to: &output)
        return output
    }
}

/// What a template is made of, in order.
indirect enum TemplatePart: Sendable {
    case text(String)
    case variable(TemplateReference, TemplateFilter?)
    case block(TemplateBlock)
}

/// A name in a template: where it stands and which way it goes.
struct TemplateReference: Sendable {
    var path: [String]
    var position: TemplatePosition
    var text: String { path.isEmpty ? "." : path.joined(separator: ".") }
}

struct TemplateBlock: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case `if`, unless, each
    }

    var kind: Kind
    var subject: TemplateReference
    var body: [TemplatePart]
    var otherwise: [TemplatePart]
}

extension Template {
    private func write(
        _ parts: [TemplatePart], _ scopes: [TemplateValue], to output: inout String
    ) throws(TemplateError) {
        for part in parts {
            switch part {
            case .text(let text): output += text
            case .variable(let name, let filter):
                output += try filled(name, filter, look(up: name, in: scopes))
            case .block(let block): try write(block, scopes, to: &output)
            }
        }
    }

    private func write(
        _ block: TemplateBlock, _ scopes: [TemplateValue], to output: inout String
    ) throws(TemplateError) {
        let value = try look(up: block.subject, in: scopes)
        switch (block.kind, value) {
        case (.if, .boolean(let holds)), (.unless, .boolean(let holds)):
            let isTaken = holds == (block.kind == .if)
            try write(isTaken ? block.body : block.otherwise, scopes, to: &output)
        case (.each, .list(let elements)):
            if elements.isEmpty { try write(block.otherwise, scopes, to: &output) }
            for element in elements { try write(block.body, scopes + [element], to: &output) }
        case (.if, _), (.unless, _), (.each, _):
            let wanted = block.kind == .each ? "a list" : "a yes or no"
            throw error(
                block.subject,
                "'\(block.subject.text)' is \(value.kind), #\(block.kind.rawValue) wants \(wanted)")
        }
    }

    private func filled(
        _ name: TemplateReference, _ filter: TemplateFilter?, _ value: TemplateValue
    ) throws(TemplateError) -> String {
        switch (value, filter) {
        case (.text(let text), .some(let filter)):
            do {
                return try filter.apply(text)
            } catch {
                throw self.error(name, "'\(name.text)' \(error)")
            }
        case (.text, nil):
            throw error(
                name, "'\(name.text)' is text and needs a filter (\(TemplateFilter.known))")
        case (.integer(let number), nil): return String(number)
        case (.boolean(let isOn), nil): return isOn ? "on" : "off"
        case (.integer, .some(let filter)), (.boolean, .some(let filter)):
            throw error(
                name, "'\(name.text)' is \(value.kind), the filter \(filter.rawValue) wants text")
        case (.list, _), (.table, _):
            throw error(name, "'\(name.text)' is \(value.kind) and cannot be written out")
        }
    }

    private func look(
        up name: TemplateReference, in scopes: [TemplateValue]
    ) throws(TemplateError) -> TemplateValue {
        guard let first = name.path.first else { return scopes[scopes.count - 1] }
        for scope in scopes.reversed() {
            guard case .table(let table) = scope, var value = table[first] else { continue }
            for key in name.path.dropFirst() {
                guard case .table(let inner) = value, let next = inner[key] else {
                    throw error(name, "'\(name.text)' is undefined: there is no '\(key)'")
                }
                value = next
            }
            return value
        }
        throw error(name, "'\(name.text)' is undefined")
    }

    private func error(_ name: TemplateReference, _ problem: String) -> TemplateError {
        TemplateError(file: file, position: name.position, problem: problem)
    }
}
