import Foundation
public import Hooks

/// The text of a hook that a user starts from: it does its job as it stands.
public struct HookSkeleton: Sendable {
    public var hook: HookName
    /// `pre-NAME` or `post-NAME`; nil: the hook itself.
    public var dropIn: String?

    public init(_ hook: HookName, dropIn: String? = nil) {
        self.hook = hook
        self.dropIn = dropIn
    }

    /// Below the cluster's `hooks/`.
    public var fileName: String {
        dropIn.map { "\(hook).d/\($0)" } ?? "\(hook).sh"
    }

    /// The shipped script with its facts explained, or a body that does nothing yet.
    public func text(shipped: String?) -> String {
        guard let shipped, dropIn == nil else { return blank }
        guard let body = shipped.range(of: "\nset -eu\n") else { return shipped }
        return shipped[..<body.lowerBound] + "\n" + facts
            + shipped[shipped.index(after: body.lowerBound)...]
    }

    private var blank: String {
        let entry = HookCatalogue.entry(hook)
        let title = dropIn ?? hook.rawValue
        return """
            #!/bin/sh
            # \(title) — say here in one sentence what it does.
            #
            # Runs on:   \(place(entry)), \(moment(entry)).
            # Knows:     TOOLKIT_NODE_NAME TOOLKIT_REASON
            # Succeeds:  \(success(entry)) Safe to run twice.
            # Retry:     exit 75 (not ready yet). Any other status is a failure\(failure).
            # Prints:    one line per step on stderr; toolkit:key=value lines on stdout are results.
            \(facts)set -eu
            \(entry.place == .node ? library : localWords)
            dry_run "do nothing yet"
            log "\(title) for $TOOLKIT_NODE_NAME: ${TOOLKIT_REASON:-no reason was given}"

            """
    }

    private func place(_ entry: HookCatalogue.Entry) -> String {
        entry.place == .node
            ? "\(entry.runsOn), as the PostgreSQL owner" : "the scheduler's machine"
    }

    private func moment(_ entry: HookCatalogue.Entry) -> String {
        switch dropIn?.hasPrefix("pre-") {
        case true?: "before \(hook)"
        case false?: "after \(hook)"
        case nil: "at: \(entry.when)"
        }
    }

    private func success(_ entry: HookCatalogue.Entry) -> String {
        dropIn == nil ? "must leave behind: \(entry.leaves)." : "exit 0."
    }

    private var failure: String {
        switch dropIn?.hasPrefix("pre-") {
        case true?: " and stops the step"
        case false?: ", told as a warning"
        case nil: ""
        }
    }

    private var facts: String {
        let facts = HookFact.all.filter { $0.isFor(hook) }
        let width = facts.map(\.name.count).max() ?? 0
        let lines = facts.map { fact in
            let space = String(repeating: " ", count: width - fact.name.count)
            return "#   \(fact.name)\(space)  \(fact.says)\n"
        }
        return """
            #
            # Its facts, in the environment and as JSON on standard input (empty: the call has none):
            \(lines.joined())
            """
    }

    private var library: String {
        // A drop-in lies in a folder of its own, beside `lib`.
        let up = dropIn == nil ? "" : "/.."
        return """
            here=$(CDPATH='' cd -- "$(dirname -- "$0")\(up)" && pwd)
            # shellcheck source=hooks/lib/common.sh
            . "$here/lib/common.sh"
            require TOOLKIT_NODE_NAME

            """
    }

    private var localWords: String {
        """

        log() { printf '%s\\n' "$*" >&2; }
        dry_run() {
            [ "${TOOLKIT_DRY_RUN:-0}" = 1 ] || return 0
            log "dry run: would $*"
            exit 0
        }

        """
    }
}
