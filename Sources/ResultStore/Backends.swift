/// What the third migration adds: the back end of a run, and how faithful an emulated one was.
///
/// The same rule holds as for tables and views: a released migration never changes.
enum Backends {
    static let tables = """
        ALTER TABLE run ADD COLUMN backend TEXT NOT NULL DEFAULT 'simulate'
            CHECK (backend IN ('simulate', 'emulate'));

        -- The fidelity certificate of a replication on real servers; a simulated one has no row.
        CREATE TABLE emulation (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            server_version TEXT NOT NULL,  -- of the nats-server that ran
            link TEXT NOT NULL,            -- namespaces, or proxy where those are not allowed
            congestion_control TEXT NOT NULL,
            kernel TEXT NOT NULL,
            link_lateness_p99_ms REAL NOT NULL CHECK (link_lateness_p99_ms >= 0),  -- packets passed on after due
            link_lateness_max_ms REAL NOT NULL CHECK (link_lateness_max_ms >= 0),
            driver_lateness_p99_ms REAL NOT NULL CHECK (driver_lateness_p99_ms >= 0),  -- messages written after due
            driver_lateness_max_ms REAL NOT NULL CHECK (driver_lateness_max_ms >= 0),
            steal REAL NOT NULL CHECK (steal >= 0),  -- share of CPU time that the hypervisor withheld
            idle REAL NOT NULL CHECK (idle >= 0),    -- share of CPU time
            packets_dropped INTEGER NOT NULL CHECK (packets_dropped >= 0),  -- beyond those that the scenario loses
            PRIMARY KEY (run, replication),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        -- What went beyond its bound: nothing can be concluded from the replication.
        CREATE TABLE fidelity_problem (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 0),
            text TEXT NOT NULL,
            PRIMARY KEY (run, replication, number),
            FOREIGN KEY (run, replication) REFERENCES emulation (run, replication) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        """

    static let views = """
        DROP VIEW runs;

        CREATE VIEW runs AS
        SELECT run.id AS run, name, file, backend, seed, state, verdict, replications AS planned,
            (SELECT count(*) FROM replication WHERE replication.run = run.id) AS completed,
            (SELECT count(*) FROM assumption WHERE assumption.run = run.id) AS assumptions,
            (SELECT count(*) FROM violation WHERE violation.run = run.id) AS violations,
            (SELECT count(*) FROM fidelity_problem p WHERE p.run = run.id) AS fidelity_problems,
            started, finished, wall_seconds, cpu_seconds, host, cores, threads, tool_version, hash, fingerprint
        FROM run;

        CREATE VIEW emulations AS
        SELECT e.*,
            (SELECT count(*) FROM fidelity_problem p
                WHERE p.run = e.run AND p.replication = e.replication) AS problems
        FROM emulation e;
        """

    static let all = [tables, views]
}
