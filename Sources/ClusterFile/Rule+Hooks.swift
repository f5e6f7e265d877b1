extension Rule {
    static let hookRules: [Rule] = Settings.hookDeclarations.filter { !$0.isShipped }.map { hook in
        Rule(code: "hooks.no_command", reads: [hook.path, "\(hook.path).command"]) { subject in
            guard case .group = subject.reading.items[hook.path]?.value,
                subject.settings.hooks.byName[hook.name]?.command == nil
            else { return [] }
            return [
                subject.violation(
                    hook.path, "`command` is missing, and no script is shipped for this hook",
                    "add `command:`, or leave the hook out")
            ]
        }
    }
}
