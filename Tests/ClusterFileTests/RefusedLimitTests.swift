import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Refused limits")
struct RefusedLimitTests {
    static let limits: [FileRow] = [
        FileRow(
            "k = -1",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                synchronous: { number_sync_standbys: -1 }

                """#,
            says: #"""
                cluster.yaml:6:38: synchronous.number_sync_standbys: expected a whole number from 0 to 63, found -1
                  next: write for example `number_sync_standbys: 1`
                """#),
        FileRow(
            "alone: blok",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                synchronous: { alone: blok }

                """#,
            says: #"""
                cluster.yaml:6:23: synchronous.alone: expected `allow` or `block`, found "blok"
                  next: did you mean `block`?
                """#),
        FileRow(
            "a timer without unit",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { confirm: 500 }

                """#,
            says: #"""
                cluster.yaml:6:22: failover.confirm: expected a duration from 0s to 1min, found 500
                  next: add the unit: `500ms`, `500s`, `500min` or `500h`
                """#),
        FileRow(
            "a timer with a fraction",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { degrade_after: 1.5s }

                """#,
            says: #"""
                cluster.yaml:6:28: failover.degrade_after: expected a duration from 500ms to 10min, found "1.5s"
                  next: write for example `degrade_after: 3s`; whole numbers with ms, s, min or h
                """#),
        FileRow(
            "a timer with a space",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { degrade_after: 15 s }

                """#,
            says: #"""
                cluster.yaml:6:28: failover.degrade_after: expected a duration from 500ms to 10min, found "15 s"
                  next: write for example `degrade_after: 3s`; whole numbers with ms, s, min or h
                """#),
        FileRow(
            "a timer out of range",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { monitor_interval: 10ms }

                """#,
            says: #"""
                cluster.yaml:6:31: failover.monitor_interval: expected a duration from 50ms to 1min, found "10ms"
                  next: write for example `monitor_interval: 500ms`; whole numbers with ms, s, min or h
                """#),
        FileRow(
            "a size without unit",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { fast_forward_max: 16 }

                """#,
            says: #"""
                cluster.yaml:6:31: failover.fast_forward_max: expected a size from 0B to 1TB, found 16
                  next: add the unit: `16kB`, `16MB` or `16GB`
                """#),
        FileRow(
            "a size in millibits",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { fast_forward_max: 16mb }

                """#,
            says: #"""
                cluster.yaml:6:31: failover.fast_forward_max: expected a size from 0B to 1TB, found "16mb"
                  next: write for example `fast_forward_max: 16MB`; whole numbers with B, kB, MB or GB
                """#),
        FileRow(
            "switchover_method: drain",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { switchover_method: drain }

                """#,
            says: #"""
                cluster.yaml:6:32: failover.switchover_method: expected `quiesce` or `stop`, found "drain"
                  next: write for example `switchover_method: quiesce`
                """#),
        FileRow(
            "profile: turbo",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                failover: { profile: turbo }

                """#,
            says: #"""
                cluster.yaml:6:22: failover.profile: expected `default`, `fast` or `patient`, found "turbo"
                  next: write for example `profile: default`
                """#),
        FileRow(
            "a hook is a list",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  promote_command: [ pg_ctl, promote ]

                """#,
            says: #"""
                cluster.yaml:7:20: hooks.promote_command: expected a command, or a mapping with it as `command`, found a list
                  next: write for example `promote_command: hooks/promote_command.sh`
                """#),
        FileRow(
            "a hook is empty",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  promote_command: ''

                """#,
            says: #"""
                cluster.yaml:7:20: hooks.promote_command: expected a command, found "": it is empty
                  next: write a value, or leave the key out
                """#),
        FileRow(
            "a hook's timeout",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  promote_command: { command: x, timeout: 8d }

                """#,
            says: #"""
                cluster.yaml:7:43: hooks.promote_command.timeout: expected a duration from 100ms to 168h, found "8d"
                  next: write for example `timeout: 30s`; whole numbers with ms, s, min or h
                """#),
        FileRow(
            "a hook's on_failure",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                hooks:
                  follow_command: { on_failure: ignore }

                """#,
            says: #"""
                cluster.yaml:7:33: hooks.follow_command.on_failure: expected `abort` or `continue`, found "ignore"
                  next: write for example `on_failure: abort`
                """#),
        FileRow(
            "an event's name",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                event_notifications: [ failover_done, 'a b' ]

                """#,
            says: #"""
                cluster.yaml:6:39: event_notifications[1]: expected an event name: letters a-z, digits, underscores, dots, found "a b": other characters are refused
                  next: `toolkit events` shows the names
                """#),
        FileRow(
            "nothing at all",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                execution:

                """#,
            says: #"""
                cluster.yaml:6:1: execution: expected `ssh` or `local`, found nothing
                  next: write a value, or leave the key out
                """#),
    ]

    @Test("Standbys, timers and hooks", arguments: limits)
    func limitsRow(_ row: FileRow) { row.check() }
}
