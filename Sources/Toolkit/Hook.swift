public import ArgumentParser
import ClusterFile
public import Hooks

struct Hook: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, write, check, try and run the hooks.",
        discussion: """
            A hook is a script that touches a machine: it promotes, fences, starts. `new` writes one \
            of your own, `lint` and `test` try it, `run` runs it on a node. The guide is docs/hooks.md.
            """,
        subcommands: [
            HookList.self, HookNew.self, HookLintCommand.self, HookTest.self, HookRun.self,
        ])
}

extension HookName: ExpressibleByArgument {}

extension ClusterSettings {
    /// Where the hooks of this cluster come from.
    func hookScripts() throws(ShareFolderError) -> HookScripts {
        HookScripts(settings: self, sharedHooks: try ShareFolder.find().hooks)
    }
}
