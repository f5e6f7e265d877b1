import Foundation

/// Asked right before each start of a node's hook beside the scheduler, where no wrapper compares
/// stamps: why it may not start now, or nil to let it.
public typealias HookPermit = @Sendable () async -> String?

/// From the moment before a permit was asked for, for so long a hook may start. Whoever slept in
/// between, the process or the whole machine, may act on a world that has moved on.
struct StartWindow: Hashable {
    /// Hundredths of a second of /proc/uptime, which counts the time that a machine is suspended.
    let uptime: Int
    /// Seconds since 1970: a virtual machine that was paused may not see it on any other clock.
    let wall: Int

    /// Less than any way that leads the old primary back to being the primary.
    private static let seconds = 5

    /// Nil: the clock can't be read.
    static func now() -> StartWindow? {
        guard let text = try? String(contentsOfFile: "/proc/uptime", encoding: .utf8),
            let seconds = text.split(separator: " ").first.flatMap({ Double($0) })
        else { return nil }
        return StartWindow(
            uptime: Int(seconds * 100) + Self.seconds * 100,
            wall: Int(Date().timeIntervalSince1970) + Self.seconds)
    }

    /// Sets what a shell needs to know before it gives way to the hook; ends it past the window.
    static let check = """
        uptime=$1 wall=$2
        shift 2
        read -r now _ </proc/uptime
        if [ "${now%.*}${now#*.}" -gt "$uptime" ] || [ "$(date +%s)" -gt "$wall" ]; then
            echo 'not started: the scheduler slept since it looked whether this is still wanted' >&2
            exit 75
        fi
        """
}
