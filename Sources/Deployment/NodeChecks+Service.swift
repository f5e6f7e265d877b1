import ClusterFile
import Quotation

/// What `nodes[].service` names, before it is asked to start a server for the first time.
extension NodeChecks {
    var service: CheckResult? {
        guard let name = node.service, let found = survey.service else { return nil }
        let isUnit = name.hasSuffix(".service")
        let rendered =
            "`toolkit render` makes its files and says where they go; `toolkit deploy --admin USER` "
            + "puts them there"
        switch found {
        case .ready: return result("service", .ok, name)
        case .unseen:
            return result(
                "service", .warning, "systemd does not say whether there is \(name)",
                "see that it runs there, with dbus")
        case .missing where isUnit:
            return result(
                "service", .failed, "there is no unit \(name)",
                "install the unit that starts PostgreSQL: \(rendered)")
        case .missing:
            let words = name.split(separator: "/", maxSplits: 1).joined(separator: " ")
            return result(
                "service", .failed, "Debian's pg_ctlcluster knows no cluster \(name)",
                "leave `service` out, or name a unit; pg_createcluster \(words) makes one, for "
                    + "`toolkit deploy --adopt`")
        case .unlocked:
            return result(
                "service", .failed,
                "\(name) does not take \(node.runtimeDirectory)/open.conf away before it starts "
                    + "PostgreSQL: an old primary would come back writable",
                "install the drop-in: \(rendered)")
        case .closed:
            return result(
                "service", .failed, "sudo lets \(survey.user) start no \(name)",
                "install the sudoers file: \(rendered)")
        }
    }
}
