import FailoverCore
import Foundation
import Glibc
import Store
import Synchronization

/// Results go to standard output, progress and complaints to standard error.
enum Console {
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    static func say(_ text: String, end: String = "\n") { write(text + end, STDOUT_FILENO) }

    static func progress(_ text: String) { note("\(clock())  \(text)") }

    static func note(_ text: String) {
        bar.withLock { bar in
            write((bar.isEmpty ? "" : erased) + text + "\n" + bar, STDERR_FILENO)
        }
    }

    /// The last line of a terminal, drawn anew; the empty one takes it away.
    static func show(bar text: String) {
        bar.withLock { bar in
            write((bar.isEmpty ? "" : erased) + text, STDERR_FILENO)
            bar = text
        }
    }

    static var showsBars: Bool { isatty(STDERR_FILENO) == 1 }
    private static let bar = Mutex("")
    private static let erased = "\r\u{1B}[K"

    static func complain(_ failure: Failure) { note(failure.text) }

    static func say(json value: some Encodable, isOnOneLine: Bool = false) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if !isOnOneLine { encoder.outputFormatting.insert(.prettyPrinted) }
        guard let data = try? encoder.encode(value) else {
            preconditionFailure("a value of ours can't be written as JSON")
        }
        say(String(decoding: data, as: UTF8.self))
    }

    /// `12:04:31  steady → suspect  …`
    static func progress(_ event: EventRecord) {
        note(line(of: event))
    }

    static func line(of event: EventRecord) -> String {
        "\(clock(event.wallMs))  \(sentence(event))"
    }

    static func sentence(_ event: EventRecord) -> String {
        let took = event.durationMs.map { " (\($0) ms)" } ?? ""
        let because = event.because.isEmpty ? "" : "  \(event.because.onOneLine)"
        return "\(event.summary.onOneLine)\(took)\(because)"
    }

    static func clock(_ wallMs: Int64? = nil) -> String {
        var seconds = wallMs.map { time_t($0 / 1000) } ?? time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return [parts.tm_hour, parts.tm_min, parts.tm_sec]
            .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }

    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// False without a terminal: nobody could answer.
    static func confirms(_ question: String) -> Bool {
        ["y", "yes"].contains(answer("\(question) [y/N] ")?.lowercased() ?? "")
    }

    /// Nil without a terminal: nobody could answer.
    static func answer(_ question: String) -> String? {
        guard canAsk else { return nil }
        write(question, STDERR_FILENO)
        return readLine()
    }

    private static func write(_ text: String, _ descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // A reader that has gone, `| head`, is no error of ours.
            guard count > 0 || errno == EINTR else { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}

extension String {
    /// What came from elsewhere can neither break a line nor steer a terminal.
    var onOneLine: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
