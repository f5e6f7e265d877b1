import ToolkitTesting

/// Where the majors behave differently: what is true of which, and why.
enum Differences {
    /// Before 16, pg_rewind takes the source's timeline from its control file, which only a
    /// checkpoint brings up to date.
    static func rewindIsBlindBeforeCheckpoint(_ version: ServerVersion) -> Bool {
        version.major < 16
    }

    /// Before 16 the receiver compares its last message with the timeout at each turn of its loop;
    /// since then a reload starts the timeouts anew.
    static func loweredTimeoutEndsIdleReceiver(_ version: ServerVersion) -> Bool {
        version.major < 16
    }
}
