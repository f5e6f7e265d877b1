import Execution

/// repmgr's `%` placeholders of an inline command.
struct HookPlaceholders {
    var facts: [String: String]
    var hook: HookName

    init(call: HookCall, variables: [String: String]) {
        facts = variables
        hook = call.hook
    }

    /// The command with each placeholder replaced by one quoted shell word. An unknown one stays
    /// as it is, as repmgr does.
    func expand(_ command: String) -> String {
        var expanded = ""
        var rest = command.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "%", let letter = rest.first else {
                expanded.unicodeScalars.append(scalar)
                continue
            }
            rest.removeFirst()
            if letter == "%" {
                expanded += "%"
            } else if let value = value(of: letter) {
                expanded += ShellWord.quote(value)
            } else {
                expanded.unicodeScalars.append(scalar)
                expanded.unicodeScalars.append(letter)
            }
        }
        return expanded
    }

    private func value(of letter: Unicode.Scalar) -> String? {
        let isValidation = hook == .failoverValidationCommand
        switch letter {
        case "n": return facts["TOOLKIT_NODE_ID"] ?? ""
        case "a": return facts["TOOLKIT_NODE_NAME"] ?? ""
        case "p":
            let old = facts["TOOLKIT_OLD_PRIMARY_ID"] ?? ""
            return old.isEmpty ? facts["TOOLKIT_PRIMARY_ID"] ?? "" : old
        case "c": return facts["TOOLKIT_PRIMARY_CONNINFO"] ?? ""
        case "e": return facts["TOOLKIT_EVENT"] ?? ""
        case "s": return facts["TOOLKIT_SUCCESS"] ?? ""
        case "d": return facts["TOOLKIT_DETAILS"] ?? ""
        case "t": return facts[isValidation ? "TOOLKIT_TOTAL_NODES" : "TOOLKIT_TIMESTAMP"] ?? ""
        case "v" where isValidation: return facts["TOOLKIT_VISIBLE_NODES"] ?? ""
        case "u" where isValidation: return facts["TOOLKIT_SHARED_UPSTREAM_NODES"] ?? ""
        default: return nil
        }
    }
}
