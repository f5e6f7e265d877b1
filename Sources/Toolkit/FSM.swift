import ArgumentParser
import FailoverCore

struct FSM: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fsm",
        abstract: "Show the rules and transitions of this binary.",
        subcommands: [List.self, Graph.self, Check.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the rules in the order in which they are asked.")

        @Flag(help: "As JSON.") var json = false

        func run() {
            guard !json else { return Console.say(json: FSMDocument()) }
            var rules = Table(["RULE", "ASKED IN", "LEADS TO", "MEANING"])
            for rule in Rulebook.standard {
                rules.add([
                    rule.id.rawValue, FSMDocument.names(rule.phases),
                    FSMDocument.names(rule.leadsTo), rule.says,
                ])
            }
            var transitions = Table(["FROM", "TO", "STEPS", "MEANING"])
            for row in Transition.all {
                transitions.add([
                    row.from.rawValue, row.to.rawValue, row.steps.joined(separator: ", "),
                    row.says,
                ])
            }
            Console.say(rules.text(isColoured: false))
            Console.say("\n" + transitions.text(isColoured: false))
        }
    }

    struct Graph: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the states and their transitions for Mermaid.")

        func run() {
            let arrows = Transition.all.map {
                "    \($0.from.rawValue) --> \($0.to.rawValue): \($0.says)"
            }
            Console.say((["stateDiagram-v2"] + arrows).joined(separator: "\n"))
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prove that every state is reached by a transition.",
            discussion: "Ends with 1 when a rule may assign a state that nothing leads to.")

        func run() throws {
            let found = Closure.gaps() + Closure.defects()
            guard found.isEmpty else {
                throw Failure(
                    ExitStatus.failed, "the rules and the transitions don't fit",
                    because: found.joined(separator: "\n  and "),
                    next: "this is a bug of toolkit: report it with its version")
            }
            Console.say(
                "\(Rulebook.standard.count) rules, \(Transition.all.count) transitions, no gap")
        }
    }
}

/// `toolkit fsm list --json`.
private struct FSMDocument: Encodable {
    struct RuleRow: Encodable {
        var id: String
        var phases: [String]
        var leadsTo: [String]
        var says: String
    }

    struct TransitionRow: Encodable {
        var from: String
        var to: String
        var steps: [String]
        var says: String
    }

    var rules = Rulebook.standard.map {
        RuleRow(
            id: $0.id.rawValue, phases: sorted($0.phases), leadsTo: sorted($0.leadsTo),
            says: $0.says)
    }
    var transitions = Transition.all.map {
        TransitionRow(
            from: $0.from.rawValue, to: $0.to.rawValue, steps: $0.steps, says: $0.says)
    }

    static func names(_ phases: Set<Phase>) -> String {
        phases.count == Phase.allCases.count ? "any" : sorted(phases).joined(separator: ", ")
    }

    private static func sorted(_ phases: Set<Phase>) -> [String] {
        phases.map(\.rawValue).sorted()
    }
}
