/// The mapping tables as a page, from their declaration.
public enum ImportReference {
    /// For `docs/`.
    public static var markdown: String {
        head + ImportSource.allCases.map(section).joined(separator: "\n")
    }

    private static let head = """
        # From repmgr, Patroni or pg_auto_failover

        `toolkit import` reads the files of another tool and makes a `cluster.yaml` that
        `toolkit check --offline` takes, a report of what became of each setting, and a plan of the
        change-over and of the way back, in which no data are moved.

        ```sh
        toolkit import repmgr node1/repmgr.conf node2/repmgr.conf --output cluster.yaml
        toolkit import patroni dynamic.yml node1/patroni.yml node2/patroni.yml
        toolkit import pg-auto-failover node1/pg_autoctl.cfg node2/pg_autoctl.cfg nodes.json
        ```

        - Name the files of all nodes in one call. Where `cluster.yaml` has a setting once for all
          nodes, the first file wins, and another value of a later file is told.
        - `--cluster NAME` names the cluster, `--postgresql VERSION` its PostgreSQL where no path tells
          the version. `--output FILE` writes the file with mode 0600 and overwrites nothing without
          `--force`; `--json` prints everything as one document.
        - What only pg_auto_failover's monitor knows, priorities and the number of copies, is saved as JSON
          (`toolkit import pg-auto-failover --help` has the statements), or read from the running monitor with
          `--monitor 'host=… user=autoctl_node dbname=pg_auto_failover'`; its password stands in `~/.pgpass`.
          The data directories stand in the keepers' files alone.
        - A wrong line, a wrong value or a missing setting is refused with file and line, and status 78.
          What the toolkit itself would refuse and can be left out (a parameter that belongs to it) is
          left out, and told.
        - Passwords are neither carried over nor printed. They are not needed: `toolkit deploy` makes
          roles and passwords of its own. They lie in `<scheduler.directory>/<cluster>.pgpass` and in
          each node's `state_dir`, mode 0600.
        - A node's own postgresql.conf and pg_hba.conf are not read: the plan says how to compare them.

        In the tables, *built in* means that the toolkit does it without a setting, – that nothing
        corresponds. The examples are tests. Generated from the declaration in `Sources/Import`.


        """

    private static func section(_ source: ImportSource) -> String {
        var text = "## \(source.title)\n\n"
        text += "| Setting | Example | In cluster.yaml | How, or why not |\n|---|---|---|---|\n"
        for row in Mappings.all(of: source) {
            let target =
                switch row.target {
                case .setting(let path): "`\(path)`: `\(row.becomes)`"
                case .builtIn: "built in"
                case .none: "–"
                }
            let next = row.next.isEmpty ? "" : ". By hand: \(row.next)"
            let isSecret = SecretText.isSecret(name: row.setting)
            let example = isSecret ? SecretText.hidden : row.example
            let cells = ["`\(row.setting)`", "`\(example)`", target, row.meaning + next]
            text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")
            text += " |\n"
        }
        return text
    }
}
