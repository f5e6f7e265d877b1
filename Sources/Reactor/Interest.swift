import CLinux

/// What a wait asks of a descriptor, and what it was found ready for.
public struct Interest: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    public static let read = Interest(rawValue: UInt32(CL_IN))
    public static let write = Interest(rawValue: UInt32(CL_OUT))

    /// A broken or half-closed descriptor counts as ready for both: the next call on it tells why.
    init(epollEvents events: UInt32) {
        if events & CL_ERRHUP != 0 {
            self = [.read, .write]
        } else {
            self.init(rawValue: events & UInt32(CL_IN | CL_OUT))
        }
    }
}

/// Why a wait ended without its descriptor being ready. Cancellation is a `CancellationError`.
public enum IOError: Error, Hashable, Sendable {
    case timedOut
    case system(call: String, errno: Int32)
}
