import GRDB

/// The tables, as a list of named steps that is only ever added to.
enum Schema {
    /// "tkit": tells our files from other SQLite databases.
    static let applicationID = 0x746B_6974

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 cluster and events") { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            try db.execute(sql: clusterAndEvents)
        }
        return migrator
    }

    /// SQLite is trusted more than the code above it: a revision or term that falls, another
    /// cluster's state and a second row are refused here, whoever asks.
    private static let clusterAndEvents = """
        CREATE TABLE cluster (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            name TEXT NOT NULL CHECK (name <> ''),
            revision INTEGER NOT NULL CHECK (revision >= 0),
            term INTEGER NOT NULL CHECK (term >= 0),
            phase TEXT NOT NULL CHECK (phase <> ''),
            state TEXT NOT NULL CHECK (json_valid(state))
        ) STRICT;

        CREATE TRIGGER cluster_only_moves_forward BEFORE UPDATE ON cluster
        WHEN new.revision <= old.revision OR new.term < old.term
        BEGIN SELECT RAISE(ABORT, 'revision and term never fall'); END;

        CREATE TRIGGER cluster_keeps_its_name BEFORE UPDATE ON cluster
        WHEN new.name <> old.name
        BEGIN SELECT RAISE(ABORT, 'the store belongs to another cluster'); END;

        CREATE TRIGGER cluster_is_never_deleted BEFORE DELETE ON cluster
        BEGIN SELECT RAISE(ABORT, 'the state is never deleted'); END;

        CREATE TABLE event (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            wall_ms INTEGER NOT NULL,
            revision INTEGER NOT NULL CHECK (revision >= 0),
            term INTEGER NOT NULL CHECK (term >= 0),
            kind TEXT NOT NULL CHECK (
                kind IN ('decision', 'effect', 'observation', 'operator', 'scheduler')),
            rule TEXT,
            node TEXT,
            from_phase TEXT,
            to_phase TEXT,
            summary TEXT NOT NULL CHECK (summary <> ''),
            because TEXT NOT NULL,
            effect TEXT,
            outcome TEXT,
            duration_ms INTEGER CHECK (duration_ms >= 0),
            output TEXT
        ) STRICT;

        CREATE TRIGGER event_is_never_rewritten BEFORE UPDATE ON event
        BEGIN SELECT RAISE(ABORT, 'an event is never rewritten'); END;
        """
}
