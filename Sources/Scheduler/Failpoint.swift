import Foundation
import Glibc

/// Places where a test lets this process die as by kill -9, or with `TOOLKIT_FAILPOINT_STOPS` stop as
/// by SIGSTOP. Compiled into debug builds alone.
///
/// `TOOLKIT_FAILPOINT` names one: `after-store:<rule>`, `before-effect:<name>` or
/// `after-effect:<name>`. The file that `TOOLKIT_FAILPOINT_ONCE` names is made when it fires, and
/// keeps it from firing again.
enum Failpoint {
    static func reach(_ place: String) {
        #if DEBUG
            let environment = ProcessInfo.processInfo.environment
            guard environment["TOOLKIT_FAILPOINT"] == place else { return }
            if let once = environment["TOOLKIT_FAILPOINT_ONCE"] {
                let descriptor = open(once, O_WRONLY | O_CREAT | O_EXCL, 0o600)
                guard descriptor >= 0 else { return }
                close(descriptor)
            }
            kill(getpid(), environment["TOOLKIT_FAILPOINT_STOPS"] == nil ? SIGKILL : SIGSTOP)
        #endif
    }
}
