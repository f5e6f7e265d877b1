import ArgumentParser
import ClusterFile
import Foundation
import Glibc
import HookKit
public import Hooks

struct HookNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Write a hook of your own to edit.",
        discussion: """
            It lies in hooks/ beside cluster.yaml and does what the shipped one does, with every fact \
            it gets explained. A drop-in runs before or after the hook. Never overwrites a file.
            """)

    @OptionGroup var options: ClusterOptions
    @Argument(help: "The hook, such as promote_command.") var hook: HookName
    @Option(
        help: ArgumentHelp(
            "A script around the hook instead: pre-NAME or post-NAME.", valueName: "name"))
    var dropIn: String?

    func validate() throws {
        guard let dropIn else { return }
        guard dropIn.wholeMatch(of: /(pre|post)-[A-Za-z0-9_.-]+/) != nil else {
            throw ValidationError(
                "A drop-in is named pre-NAME or post-NAME, of letters, digits, _ . and -.")
        }
    }

    func run() throws {
        let settings = try options.settings()
        let skeleton = HookSkeleton(hook, dropIn: dropIn)
        let shared = try ShareFolder.find().hooks
        let shipped = try? String(contentsOfFile: "\(shared)/\(hook).sh", encoding: .utf8)
        let path = settings.baseDirectory + "/hooks/" + skeleton.fileName
        try write(skeleton.text(shipped: shipped), to: path)
        Console.say("wrote \(path)")
        if dropIn == nil, HookCatalogue.entry(hook).defaultFile == nil {
            let line = "hooks: { \(hook): hooks/\(skeleton.fileName) }"
            Console.say("next: edit it, and name it in cluster.yaml: \(line)")
        } else {
            Console.say("next: edit it")
        }
        Console.say("then: toolkit hook lint; toolkit hook test \(hook)")
    }

    private func write(_ text: String, to path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o755)
        guard descriptor >= 0 else {
            let exists = errno == EEXIST
            throw Failure(
                ExitStatus.failed, "cannot write \(path)",
                because: exists ? "it exists already" : String(cString: strerror(errno)),
                next: exists ? "edit that file" : "make \(folder) writable for this user")
        }
        try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
            .write(contentsOf: Data(text.utf8))
    }
}
