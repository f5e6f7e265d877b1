import Import
import PostgresClient

/// What a live monitor of pg_auto_failover knows, as the files that its rows would be saved to.
struct ImportMonitor {
    /// Without a password: the list of processes shows it.
    var conninfo: String
    /// Nil: the monitor has one.
    var formation: String?

    private static let patience = Duration.seconds(10)
    private static let tables = ["node", "formation"]

    func files() async throws -> [ImportFile] {
        let conninfo = try parsed()
        let files: [ImportFile]
        do throws(PostgresError) { files = try await rows(conninfo) } catch {
            throw failure(error)
        }
        guard files.count == Self.tables.count else { throw nothing }
        return files
    }

    /// Of each table that holds any.
    private func rows(_ conninfo: Conninfo) async throws(PostgresError) -> [ImportFile] {
        let session = try await Connection.open(conninfo, timeout: Self.patience)
        var files: [ImportFile] = []
        do throws(PostgresError) {
            for table in Self.tables {
                let rows = try await session.query(
                    """
                    SELECT json_agg(t) FROM pgautofailover.\(table) t
                    WHERE $1::text IS NULL OR formationid = $1
                    """, [formation], timeout: Self.patience)
                guard let text = rows.values[0][0] else { continue }
                files.append(ImportFile(path: "monitor:pgautofailover.\(table)", text: text))
            }
        } catch {
            await session.close()
            throw error
        }
        await session.close()
        return files
    }

    private func parsed() throws -> Conninfo {
        let conninfo: Conninfo
        do { conninfo = try Conninfo(parsing: self.conninfo) } catch {
            throw Failure(
                ExitStatus.configuration, "cannot ask the monitor", because: error.message,
                next: "write --monitor 'host=… port=… user=autoctl_node dbname=pg_auto_failover'")
        }
        guard conninfo["password"] == nil else {
            throw Failure(
                ExitStatus.configuration, "cannot ask the monitor",
                because: "a password in its connection string is seen in the list of processes",
                next: "write it into ~/.pgpass, mode 0600, and leave it out there")
        }
        return conninfo
    }

    private var nothing: Failure {
        Failure(
            ExitStatus.configuration, "cannot import from the monitor",
            because: "it knows no node" + (formation.map { " of the formation \($0)" } ?? ""),
            next: "see `pg_autoctl show state`; --formation names another one")
    }

    private func failure(_ error: PostgresError) -> Failure {
        let isForeign = ["3F000", "42P01"].contains(error.sqlState)
        return Failure(
            ExitStatus.failed, "cannot ask the monitor \(error.subject)", because: error.because,
            next: isForeign
                ? "name the monitor's own database, pg_auto_failover"
                : "see that it runs and lets you in: psql with the same connection string")
    }
}
