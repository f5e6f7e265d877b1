import ArgumentParser
import ClusterFile
import Foundation
import Glibc

struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a commented cluster.yaml to edit.",
        discussion: "Never overwrites a file. `cluster` and `nodes` alone make a valid one.")

    @Option(help: "Name of the cluster: a letter a-z, then letters, digits, underscores.")
    var cluster = "shop"
    @Option(
        name: [.short, .long],
        help: ArgumentHelp("Where to write it.", valueName: "file"))
    var config = "cluster.yaml"

    func run() throws {
        let text = ClusterTemplate.commented(cluster: cluster)
        // What it writes has to be what it takes.
        _ = try ClusterFile.parse(text, path: config)
        let descriptor = open(config, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            let exists = errno == EEXIST
            throw Failure(
                ExitStatus.failed, "cannot write \(config)",
                because: exists ? "it exists already" : String(cString: strerror(errno)),
                next: exists
                    ? "edit that file, or name another one with --config"
                    : "name a file in a writable folder with --config")
        }
        try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            .write(contentsOf: Data(text.utf8))
        Console.say("wrote \(config); edit its nodes, then run `toolkit check`")
    }
}
