import ArgumentParser
import ClusterFile

struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Explain the settings of cluster.yaml.", subcommands: [Reference.self])

    struct Reference: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every setting with its default and unit.")

        @Flag(help: "As Markdown.") var markdown = false
        @Flag(help: "As JSON.") var json = false

        func validate() throws {
            if markdown, json { throw ValidationError("Choose --markdown or --json.") }
        }

        func run() {
            let text =
                json
                ? ConfigReference.json
                : markdown ? ConfigReference.markdown : ConfigReference.text
            Console.say(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        }
    }
}
