import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Refused for PostgreSQL")
struct RefusedPostgresTests {
    static let postgresql: [FileRow] = [
        FileRow(
            "version in quotes",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { version: '15' }

                """#,
            says: #"""
                cluster.yaml:6:24: postgresql.version: expected a whole number from 13 to 18, found "15"
                  next: write it without quotes: `version: 15`
                """#),
        FileRow(
            "version with a minor",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { version: 15.4 }

                """#,
            says: #"""
                cluster.yaml:6:24: postgresql.version: expected a whole number from 13 to 18, found 15.4
                  next: write for example `version: 15`
                """#),
        FileRow(
            "PostgreSQL 12",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { version: 12 }

                """#,
            says: #"""
                cluster.yaml:6:24: postgresql.version: expected a whole number from 13 to 18, found 12
                  next: upgrade first: PostgreSQL 13 is the oldest that can be supported
                """#),
        FileRow(
            "PostgreSQL 19",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { version: 19 }

                """#,
            says: #"""
                cluster.yaml:6:24: postgresql.version: expected a whole number from 13 to 18, found 19
                  next: write for example `version: 15`
                """#),
        FileRow(
            "bin_dir is relative",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { bin_dir: usr/bin }

                """#,
            says: #"""
                cluster.yaml:6:24: postgresql.bin_dir: expected an absolute path, found "usr/bin": it does not start with `/`
                  next: write the whole path, from `/` on
                """#),
        FileRow(
            "database of 64 bytes",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { database: dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd }

                """#,
            says: #"""
                cluster.yaml:6:25: postgresql.database: expected a name of at most 63 bytes, found "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd…": it has 64 bytes
                  next: choose a name that PostgreSQL does not cut
                """#),
        FileRow(
            "authentication md5",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql: { authentication: md5 }

                """#,
            says: #"""
                cluster.yaml:6:31: postgresql.authentication: expected `scram-sha-256` or `trust`, found "md5"
                  next: md5 is broken; PostgreSQL 13 and later all have scram-sha-256
                """#),
        FileRow(
            "parameters are a list",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters:
                    - shared_buffers

                """#,
            says: #"""
                cluster.yaml:8:5: postgresql.parameters: expected a mapping of parameter names to values, found a list
                  next: write for example `parameters: { shared_buffers: 1GB }`
                """#),
        FileRow(
            "a parameter's name",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters:
                    shared buffers: 1GB

                """#,
            says: #"""
                cluster.yaml:8:5: postgresql.parameters.shared buffers: expected the name of a PostgreSQL parameter
                  next: letters, digits and underscores, with a dot for parameters of extensions
                """#),
        FileRow(
            "a parameter without a value",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters:
                    shared_buffers:

                """#,
            says: #"""
                cluster.yaml:8:5: postgresql.parameters.shared_buffers: expected one value, found nothing
                  next: write for example `shared_buffers: 'value'`
                """#),
        FileRow(
            "a parameter with a list",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  parameters:
                    search_path: [ a, b ]

                """#,
            says: #"""
                cluster.yaml:8:18: postgresql.parameters.search_path: expected one value, found a list
                  next: write for example `search_path: 'value'`
                """#),
        FileRow(
            "hba is a text",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  hba: host all all all trust

                """#,
            says: #"""
                cluster.yaml:7:8: postgresql.hba: expected a list, each entry one line of pg_hba.conf, found "host all all all trust"
                  next: write for example `hba: [ "host app app 10.0.0.0/24 scram-sha-256" ]`
                """#),
        FileRow(
            "hba of unknown type",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  hba:
                    - hots app app 10.0.0.0/24 scram-sha-256

                """#,
            says: #"""
                cluster.yaml:8:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "hots app app 10.0.0.0/24 scram-sha-256": it does not start with `local`, `host`, `hostssl`, `hostnossl`, `hostgssenc` or `hostnogssenc`
                  next: write for example `host app app 10.0.0.0/24 scram-sha-256`
                """#),
        FileRow(
            "hba with too few words",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  hba:
                    - host app app scram-sha-256

                """#,
            says: #"""
                cluster.yaml:8:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "host app app scram-sha-256": a `host` line has at least 5 words, this one 4
                  next: write for example `host app app 10.0.0.0/24 scram-sha-256`
                """#),
        FileRow(
            "hba with a misspelled method",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: node1, host: 10.0.0.1 }
                postgresql:
                  hba:
                    - 'host app app 10.0.0.0/24 scram-sha-25'

                """#,
            says: #"""
                cluster.yaml:6:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "host app app 10.0.0.0/24 scram-sha-25": `scram-sha-25` is no method of PostgreSQL
                  next: write for example `host app app 10.0.0.0/24 scram-sha-256`
                """#),
        FileRow(
            "hba with a mask and no method of PostgreSQL's",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: node1, host: 10.0.0.1 }
                postgresql:
                  hba:
                    - 'host "my app" app,  other 10.0.0.0 255.255.255.0 scram'

                """#,
            says: #"""
                cluster.yaml:6:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "host "my app" app,  other 10.0.0.0 255.255.255.0 scram": `scram` is no method of PostgreSQL
                  next: write for example `host app app 10.0.0.0/24 scram-sha-256`
                """#),
        FileRow(
            "hba with a local line's method missing",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: node1, host: 10.0.0.1 }
                postgresql:
                  hba:
                    - 'local all all map=x'

                """#,
            says: #"""
                cluster.yaml:6:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "local all all map=x": `map=x` is no method of PostgreSQL
                  next: write for example `host app app 10.0.0.0/24 scram-sha-256`
                """#),
        FileRow(
            "hba with a newline",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  hba:
                    - "local all all peer\nhost all all all trust"

                """#,
            says: #"""
                cluster.yaml:8:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "local all all peer\nhost all all all trust": it holds a newline
                  next: write it without control characters
                """#),
        FileRow(
            "hba that takes the next line in",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  hba:
                    - 'host app app 10.0.0.0/24 scram-sha-256 \'

                """#,
            says: #"""
                cluster.yaml:8:7: postgresql.hba[0]: expected one line of pg_hba.conf, found "host app app 10.0.0.0/24 scram-sha-256 \": its last character, `\`, joins it with the next line
                  next: leave it out
                """#),
        FileRow(
            "role is empty",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  role: ''

                """#,
            says: #"""
                cluster.yaml:7:9: postgresql.role: expected a name of at most 63 bytes, found "": it is empty
                  next: write a value, or leave the key out
                """#),
        FileRow(
            "role with a newline",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                postgresql:
                  role: "tool\nkit"

                """#,
            says: #"""
                cluster.yaml:7:9: postgresql.role: expected a name of at most 63 bytes, found "tool\nkit": it holds a newline
                  next: write it without control characters
                """#),
    ]

    @Test("Version, parameters, HBA lines and roles", arguments: postgresql)
    func postgresqlRow(_ row: FileRow) { row.check() }
}
