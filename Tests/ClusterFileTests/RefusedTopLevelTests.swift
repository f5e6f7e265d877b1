import ClusterFile
import Testing

// Expected texts are literals: a message or position that changes is a change to be looked at.

@Suite("Refused at the top level")
struct RefusedTopLevelTests {
    static let topLevel: [FileRow] = [
        FileRow(
            "cluster in capitals",
            yaml: #"""
                cluster: Shop
                nodes: [ { name: a, host: h } ]

                """#,
            says: #"""
                cluster.yaml:1:10: cluster: expected a name of at most 40 characters: a letter a-z, then letters a-z, digits, underscores, found "Shop": other characters are refused
                  next: write a name such as `shop` or `node1`
                """#),
        FileRow(
            "cluster of 41 characters",
            yaml: #"""
                cluster: a2345678901234567890123456789012345678901
                nodes: [ { name: a, host: h } ]

                """#,
            says: #"""
                cluster.yaml:1:10: cluster: expected a name of at most 40 characters: a letter a-z, then letters a-z, digits, underscores, found "a2345678901234567890123456789012345678901": it has 41 characters
                  next: choose a name of at most 40
                """#),
        FileRow(
            "cluster with a dash",
            yaml: #"""
                cluster: my-shop
                nodes: [ { name: a, host: h } ]

                """#,
            says: #"""
                cluster.yaml:1:10: cluster: expected a name of at most 40 characters: a letter a-z, then letters a-z, digits, underscores, found "my-shop": other characters are refused
                  next: write a name such as `shop` or `node1`
                """#),
        FileRow(
            "cluster starts with a digit",
            yaml: #"""
                cluster: 1shop
                nodes: [ { name: a, host: h } ]

                """#,
            says: #"""
                cluster.yaml:1:10: cluster: expected a name of at most 40 characters: a letter a-z, then letters a-z, digits, underscores, found "1shop": other characters are refused
                  next: write a name such as `shop` or `node1`
                """#),
        FileRow(
            "cluster is a number",
            yaml: #"""
                cluster: 5
                nodes: [ { name: a, host: h } ]

                """#,
            says: #"""
                cluster.yaml:1:10: cluster: expected a name of at most 40 characters: a letter a-z, then letters a-z, digits, underscores, found 5
                  next: if it is meant, put it in quotes: `cluster: "5"`
                """#),
        FileRow(
            "cluster is missing",
            yaml: #"""
                nodes: [ { name: a, host: h } ]

                """#,
            says: #"""
                cluster.yaml:1:1: `cluster` is missing
                  next: add for example `cluster: shop`
                """#),
        FileRow(
            "nodes are missing",
            yaml: #"""
                cluster: shop

                """#,
            says: #"""
                cluster.yaml:1:1: `nodes` is missing
                  next: add `nodes:` and below it `  - { name: node1, host: 10.0.0.1 }`
                """#),
        FileRow(
            "nodes are a mapping",
            yaml: #"""
                cluster: shop
                nodes: { name: a, host: h }

                """#,
            says: #"""
                cluster.yaml:2:8: nodes: expected a list of mappings, found a mapping
                  next: write a list: `- { name: node1, host: 10.0.0.1 }`
                """#),
        FileRow(
            "no node",
            yaml: #"""
                cluster: shop
                nodes: []

                """#,
            says: #"""
                cluster.yaml:2:8: nodes: expected at least one node
                  next: add a node: `- { name: node1, host: 10.0.0.1 }`
                """#),
        FileRow(
            "a node is a text",
            yaml: #"""
                cluster: shop
                nodes:
                  - node1

                """#,
            says: #"""
                cluster.yaml:3:5: nodes[0]: expected a mapping, found "node1"
                  next: write `key: value` lines
                """#),
        FileRow(
            "a node without a host",
            yaml: #"""
                cluster: shop
                nodes:
                  - name: a
                    port: 5432

                """#,
            says: #"""
                cluster.yaml:3:5: nodes[0]: `host` is missing
                  next: add for example `host: 10.0.0.1`
                """#),
        FileRow(
            "the file is a list",
            yaml: #"""
                - cluster

                """#,
            says: #"""
                cluster.yaml:1:1: expected a mapping, found a list
                  next: start with `cluster: NAME` and `nodes:`
                """#),
        FileRow(
            "lab: yes",
            yaml: #"""
                cluster: shop
                nodes:
                  - { name: a, host: 10.0.0.1 }
                  - { name: b, host: 10.0.0.2 }
                  - { name: c, host: 10.0.0.3 }
                lab: yes

                """#,
            says: #"""
                cluster.yaml:6:6: lab: expected true or false, found `yes`
                  next: write `true`
                """#),
    ]

    @Test("The file, the cluster and its list of nodes", arguments: topLevel)
    func topLevelRow(_ row: FileRow) { row.check() }
}
