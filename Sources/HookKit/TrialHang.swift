import ClusterFile
import Execution
import FailoverCore
import Hooks

/// Makes a hook hang, the uploaded copy of it, so that its deadline passes.
struct TrialHang {
    /// Where it hangs.
    enum Way: Equatable {
        /// At the first word that it says by `log` or `result`: in the midst of its work.
        case atItsFirstWord
        /// Before it does anything.
        case atItsStart
    }

    let hook: HookName
    let cluster: TrialCluster
    let settings: ClusterSettings
    let sharedHooks: String
    let ways: [Way]

    init(
        _ hook: HookName, _ cluster: TrialCluster, settings: ClusterSettings, sharedHooks: String
    ) {
        self.hook = hook
        self.cluster = cluster
        self.sharedHooks = sharedHooks
        var settings = settings
        let scripts = HookScripts(settings: settings, sharedHooks: sharedHooks)
        if case .inline(let text) = scripts.command(for: hook) {
            settings.hooks.byName[hook.rawValue]?.command = "kill -s STOP $$; \(text)"
            ways = [.atItsStart]
        } else {
            ways = [.atItsFirstWord, .atItsStart]
        }
        self.settings = settings
    }

    func run(_ way: Way, _ call: HookCall) async throws -> HookOutcome {
        let runner = cluster.runner
        let hooks = HookRunner(
            settings: settings, sharedHooks: sharedHooks, runner: { _ in runner }, local: runner)
        try await hooks.prepare(call.node)
        try await edit(call.node, way)
        let outcome = await hooks.run(call)
        // The next runner uploads it as it was.
        try await cluster.sh(#"rm -rf -- "$1/hooks/"*"#, [call.node.stateDirectory])
        return outcome
    }

    private func edit(_ node: NodeSettings, _ way: Way) async throws {
        switch way {
        case .atItsFirstWord:
            try await cluster.sh(
                #"""
                for file in "$1"/hooks/*/lib/common.sh; do
                    cat >>"$file" <<'END'
                log() { printf '%s\n' "$*" >&2; while :; do sleep 1; done; }
                result() { log "$@"; }
                END
                done
                """#, [node.stateDirectory])
        case .atItsStart:
            try await cluster.sh(
                #"""
                for file in "$1"/hooks/*/"$2.sh"; do
                    [ -e "$file" ] || continue
                    mv -- "$file" "$file.hung"
                    printf '#!/bin/sh\nkill -s STOP $$\nexec "$0.hung" "$@"\n' >"$file"
                    chmod 700 -- "$file"
                done
                """#, [node.stateDirectory, hook.rawValue])
        }
    }

    /// Processes that the hook has started, but PostgreSQL's own.
    func processesLeft() async throws -> String {
        try await cluster.sh(
            #"""
            for process in /proc/[0-9]*; do
                { grep -qzxF "TOOLKIT_HOOK=$1" "$process/environ" &&
                    grep -qzF "$2/" "$process/environ"; } 2>/dev/null || continue
                case $(readlink -- "$process/exe" 2>/dev/null) in
                    '' | */postgres) ;;
                    *) tr '\000' ' ' <"$process/cmdline" 2>/dev/null || : ;;
                esac
            done
            """#, [hook.rawValue, cluster.path])
    }
}
