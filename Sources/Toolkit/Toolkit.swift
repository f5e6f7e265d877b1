import ArgumentParser

@main
struct Toolkit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "toolkit", abstract: "Keeps PostgreSQL clusters writable.")
}
