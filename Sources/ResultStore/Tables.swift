/// The tables, as the first migration creates them.
///
/// A released migration never changes: a later version adds one. Comments inside the statements stay in the
/// database, so that `.schema` explains it. Conventions: singular names for tables, plural ones for views; times of
/// one run in `_s` (seconds since its start) or `_ms`; names live once, in catalogue tables, and rows carry their
/// integer keys; every count has a CHECK.
enum Tables {
    static let catalogues = """
        CREATE TABLE message_class (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE  -- audio, video, signalling
        ) STRICT;

        CREATE TABLE path (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE  -- same-region, cross-region
        ) STRICT;

        CREATE TABLE phase (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE  -- before, during, after
        ) STRICT;

        CREATE TABLE cause (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE  -- why a pair was lost
        ) STRICT;

        -- People, regions, sites, stations: whatever has an identity that rows repeat.
        CREATE TABLE name (
            id INTEGER PRIMARY KEY,
            text TEXT NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE response (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            unit TEXT NOT NULL,
            UNIQUE (name, unit)
        ) STRICT;

        -- What a histogram counts.
        CREATE TABLE measure (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            unit TEXT NOT NULL,  -- of the recorded integers, for example ns
            UNIQUE (name, unit)
        ) STRICT;
        """

    static let runs = """
        CREATE TABLE run (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            file TEXT NOT NULL,            -- as given on the command line
            scenario TEXT NOT NULL,        -- the whole file
            deployment TEXT NOT NULL,      -- the deployment's file, or empty if it is inline
            hash TEXT NOT NULL,            -- of all that decides the results except the seed
            overrides TEXT NOT NULL,       -- JSON array of "key=value"
            seed TEXT NOT NULL,            -- unsigned 64-bit, which an INTEGER cannot hold
            replications INTEGER NOT NULL CHECK (replications >= 1),  -- planned
            threads INTEGER NOT NULL CHECK (threads >= 1),
            tool_version TEXT NOT NULL,
            host TEXT NOT NULL,
            cores INTEGER NOT NULL CHECK (cores >= 1),
            started TEXT NOT NULL CHECK (started GLOB '????-??-??T??:??:??*Z'),  -- UTC
            finished TEXT CHECK (finished GLOB '????-??-??T??:??:??*Z'),
            wall_seconds REAL CHECK (wall_seconds >= 0),
            cpu_seconds REAL CHECK (cpu_seconds >= 0),
            state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted')),
            verdict TEXT CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
            fingerprint TEXT CHECK (length(fingerprint) = 16),  -- hexadecimal
            CHECK ((state = 'running') = (finished IS NULL)),
            CHECK (state = 'finished' OR verdict IS NULL)
        ) STRICT;

        CREATE INDEX run_by_hash ON run (hash, seed);

        CREATE TABLE assumption (
            run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            key TEXT NOT NULL,             -- a parameter marked as assumption that the run read
            PRIMARY KEY (run, key)
        ) STRICT, WITHOUT ROWID;

        -- A row here means that everything else about the replication is there too.
        CREATE TABLE replication (
            run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            number INTEGER NOT NULL CHECK (number >= 0),
            fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 16),
            events INTEGER NOT NULL CHECK (events >= 0),  -- items served and timers fired
            wall_seconds REAL NOT NULL CHECK (wall_seconds >= 0),
            cpu_seconds REAL NOT NULL CHECK (cpu_seconds >= 0),
            kept INTEGER NOT NULL CHECK (kept IN (0, 1)),  -- whether series, setups and journal were kept
            setups_not_kept INTEGER NOT NULL CHECK (setups_not_kept >= 0),
            PRIMARY KEY (run, number)
        ) STRICT, WITHOUT ROWID;

        -- A broken invariant: the model is wrong, and so are the replication's numbers.
        CREATE TABLE violation (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 0),
            text TEXT NOT NULL,
            PRIMARY KEY (run, replication, number),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        """

    static let responses = """
        CREATE TABLE response_value (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            response INTEGER NOT NULL REFERENCES response (id),
            value REAL,                    -- NULL: not observed (censored, or nothing to measure); Inf: never happened
            PRIMARY KEY (run, replication, response),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        -- Over the replications of a finished run.
        CREATE TABLE estimate (
            run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            response INTEGER NOT NULL REFERENCES response (id),
            mean REAL,                     -- NULL: no replication observed it; Inf: it never happened in one
            half_width REAL CHECK (half_width >= 0),  -- NULL: fewer than two observations
            n INTEGER NOT NULL CHECK (n >= 0),
            level REAL NOT NULL CHECK (level > 0 AND level < 1),
            PRIMARY KEY (run, response),
            CHECK ((mean IS NULL) = (n = 0)),
            CHECK (half_width IS NULL OR n >= 2)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE expectation (
            run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
            number INTEGER NOT NULL CHECK (number >= 0),
            text TEXT NOT NULL,            -- as written in the scenario
            response INTEGER NOT NULL REFERENCES response (id),
            at_least REAL,
            at_most REAL,
            verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive')),
            PRIMARY KEY (run, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE histogram (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            measure INTEGER NOT NULL REFERENCES measure (id),
            count INTEGER NOT NULL CHECK (count >= 0),
            sum TEXT NOT NULL,             -- exact; as text because it may exceed 64 bits
            minimum INTEGER CHECK (minimum >= 0),
            maximum INTEGER CHECK (maximum >= minimum),
            PRIMARY KEY (run, replication, measure),
            CHECK ((count = 0) = (minimum IS NULL) AND (count = 0) = (maximum IS NULL)),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        -- Only buckets that hold something; both bounds belong to the bucket.
        CREATE TABLE bucket (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            measure INTEGER NOT NULL,
            lower INTEGER NOT NULL CHECK (lower >= 0),
            upper INTEGER NOT NULL CHECK (upper >= lower),
            count INTEGER NOT NULL CHECK (count >= 1),
            PRIMARY KEY (run, replication, measure, lower),
            FOREIGN KEY (run, replication, measure) REFERENCES histogram (run, replication, measure)
                ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        """

    static let delivery = """
        -- (message, receiver) pairs: expected = delivered + lost + in_flight in every row, or the run has a violation.
        CREATE TABLE ledger (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            class INTEGER NOT NULL REFERENCES message_class (id),
            path INTEGER NOT NULL REFERENCES path (id),
            phase INTEGER NOT NULL REFERENCES phase (id),
            expected INTEGER NOT NULL CHECK (expected >= 0),
            delivered INTEGER NOT NULL CHECK (delivered >= 0),
            within_150ms INTEGER NOT NULL CHECK (within_150ms >= 0),
            within_400ms INTEGER NOT NULL CHECK (within_400ms >= within_150ms),
            within_1s INTEGER NOT NULL CHECK (within_1s >= within_400ms AND within_1s <= delivered),
            decodable INTEGER NOT NULL CHECK (decodable BETWEEN 0 AND delivered),
            in_flight INTEGER NOT NULL CHECK (in_flight >= 0),
            void INTEGER NOT NULL CHECK (void >= 0),    -- the receiver had left of its own will
            extra INTEGER NOT NULL CHECK (extra >= 0),  -- further copies of a delivered pair
            PRIMARY KEY (run, replication, class, path, phase),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE loss (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            class INTEGER NOT NULL,
            path INTEGER NOT NULL,
            phase INTEGER NOT NULL,
            cause INTEGER NOT NULL REFERENCES cause (id),
            pairs INTEGER NOT NULL CHECK (pairs >= 1),
            PRIMARY KEY (run, replication, class, path, phase, cause),
            FOREIGN KEY (run, replication, class, path, phase)
                REFERENCES ledger (run, replication, class, path, phase) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        -- Kept replications only.
        CREATE TABLE series (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            second INTEGER NOT NULL,       -- of capture, since the start of the run
            class INTEGER NOT NULL REFERENCES message_class (id),
            path INTEGER NOT NULL REFERENCES path (id),
            expected INTEGER NOT NULL CHECK (expected >= 0),
            delivered INTEGER NOT NULL CHECK (delivered >= 0),
            within_400ms INTEGER NOT NULL CHECK (within_400ms BETWEEN 0 AND delivered),
            PRIMARY KEY (run, replication, second, class, path),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE fault (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 0),
            kind TEXT NOT NULL,
            target TEXT NOT NULL,
            start_s REAL NOT NULL,
            end_s REAL CHECK (end_s >= start_s),  -- NULL: until the horizon
            PRIMARY KEY (run, replication, number),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE station (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            name INTEGER NOT NULL REFERENCES name (id),
            served INTEGER NOT NULL CHECK (served >= 0),
            utilisation REAL NOT NULL CHECK (utilisation >= 0),
            peak_utilisation REAL NOT NULL CHECK (peak_utilisation >= 0),  -- highest within any one second
            mean_wait_ms REAL NOT NULL CHECK (mean_wait_ms >= 0),
            maximum_wait_ms REAL NOT NULL CHECK (maximum_wait_ms >= 0),
            PRIMARY KEY (run, replication, name),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        """

    static let stories = """
        -- One row for each (joiner, sending peer); kept replications only. Times count from start_s; NULL: not reached.
        CREATE TABLE setup (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 0),
            call INTEGER NOT NULL,
            joiner INTEGER NOT NULL REFERENCES name (id),
            peer INTEGER NOT NULL REFERENCES name (id),
            joiner_region INTEGER NOT NULL REFERENCES name (id),
            peer_region INTEGER NOT NULL REFERENCES name (id),
            site INTEGER REFERENCES name (id),  -- where the joiner's session landed; NULL: nowhere
            is_reconnect INTEGER NOT NULL CHECK (is_reconnect IN (0, 1)),
            start_s REAL NOT NULL,
            resolve_ms REAL,
            token_ms REAL,
            connect_ms REAL,
            elect_ms REAL,
            interest_ms REAL,
            first_packet_ms REAL,
            playable_ms REAL,
            first_audio_ms REAL CHECK (first_audio_ms >= 0),
            first_video_ms REAL CHECK (first_video_ms >= 0),
            expects_video INTEGER NOT NULL CHECK (expects_video IN (0, 1)),
            is_censored INTEGER NOT NULL CHECK (is_censored IN (0, 1)),  -- the observation ended before the setup
            PRIMARY KEY (run, replication, number),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        -- What `antipode explain` tells; kept replications only.
        CREATE TABLE journal (
            run INTEGER NOT NULL,
            replication INTEGER NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 0),
            time_s REAL NOT NULL,
            call INTEGER,                  -- NULL: concerns all calls
            subject TEXT NOT NULL,
            text TEXT NOT NULL,
            cause INTEGER REFERENCES cause (id),
            pairs INTEGER NOT NULL CHECK (pairs >= 0),
            PRIMARY KEY (run, replication, number),
            FOREIGN KEY (run, replication) REFERENCES replication (run, number) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;
        """

    static let all = [catalogues, runs, responses, delivery, stories]
}
