/// repmgr's `%` placeholders of an inline command.
package struct HookPlaceholders {
    let hook: HookName
    let facts: [String: String]

    package init(call: HookCall, variables: [String: String]) {
        facts = variables
        hook = call.hook
    }

    /// The command with each placeholder replaced by a reference to the variable that holds its
    /// value. The value itself never becomes part of the command: whatever quotes stand around a
    /// placeholder, repmgr's own examples write `"%d"`, nothing in it is run. An unknown
    /// placeholder stays as it is, as repmgr does.
    package func expand(_ command: String) -> String {
        var expanded = ""
        var quote = ShellQuote.none
        var rest = command.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                expanded.unicodeScalars.append(scalar)
                if scalar == "\\", quote != .single, let next = rest.popFirst() {
                    expanded.unicodeScalars.append(next)
                } else {
                    quote = quote.after(scalar)
                }
                continue
            }
            if rest.first == "%" {
                rest.removeFirst()
                expanded += "%"
            } else if let letter = rest.first,
                let variable = Self.variable(of: letter, for: hook, facts)
            {
                rest.removeFirst()
                expanded += quote.reference(to: variable)
            } else {
                expanded += "%"
            }
        }
        return expanded
    }

    /// The variable that a placeholder stands for; nil: no placeholder of this hook.
    package static func variable(
        of letter: Unicode.Scalar, for hook: HookName, _ facts: [String: String] = [:]
    ) -> String? {
        let isValidation = hook == .failoverValidationCommand
        switch letter {
        // To repmgr the node that is followed, not the one that follows.
        case "n" where hook == .followCommand: return "TOOLKIT_PRIMARY_ID"
        case "n": return "TOOLKIT_NODE_ID"
        case "a": return "TOOLKIT_NODE_NAME"
        // The primary itself runs it.
        case "p" where hook == .childNodesDisconnectCommand: return "TOOLKIT_NODE_ID"
        case "p":
            let isKnown = facts["TOOLKIT_OLD_PRIMARY_ID"].map { !$0.isEmpty } ?? false
            return isKnown ? "TOOLKIT_OLD_PRIMARY_ID" : "TOOLKIT_PRIMARY_ID"
        case "c": return "TOOLKIT_PRIMARY_CONNINFO"
        case "e": return "TOOLKIT_EVENT"
        case "s": return "TOOLKIT_SUCCESS"
        case "d": return "TOOLKIT_DETAILS"
        case "t": return isValidation ? "TOOLKIT_TOTAL_NODES" : "TOOLKIT_TIMESTAMP"
        case "v" where isValidation: return "TOOLKIT_VISIBLE_NODES"
        case "u" where isValidation: return "TOOLKIT_SHARED_UPSTREAM_NODES"
        default: return nil
        }
    }
}

/// The quotes that stand around a place in a shell command.
enum ShellQuote {
    case none
    case single
    case double

    func after(_ scalar: Unicode.Scalar) -> ShellQuote {
        switch (self, scalar) {
        case (.none, "'"): .single
        case (.single, "'"): .none
        case (.none, "\""): .double
        case (.double, "\""): .none
        default: self
        }
    }

    /// The value of a variable as one word, or as a part of the quoted word around it.
    func reference(to variable: String) -> String {
        switch self {
        case .none: "\"${\(variable)-}\""
        case .double: "${\(variable)-}"
        case .single: "'\"${\(variable)-}\"'"
        }
    }
}
