/// The views, as the second migration creates them: the tables again with names instead of keys, and the three
/// questions that everybody asks first. The same rule holds as for tables: a released migration never changes.
enum Views {
    static let runs = """
        CREATE VIEW runs AS
        SELECT run.id AS run, name, file, seed, state, verdict, replications AS planned,
            (SELECT count(*) FROM replication WHERE replication.run = run.id) AS completed,
            (SELECT count(*) FROM assumption WHERE assumption.run = run.id) AS assumptions,
            (SELECT count(*) FROM violation WHERE violation.run = run.id) AS violations,
            started, finished, wall_seconds, cpu_seconds, host, cores, threads, tool_version, hash, fingerprint
        FROM run;

        CREATE VIEW responses AS
        SELECT v.run, v.replication, r.name AS response, r.unit, v.value
        FROM response_value v JOIN response r ON r.id = v.response;

        CREATE VIEW estimates AS
        SELECT e.run, r.name AS response, r.unit, e.mean, e.half_width,
            e.mean - e.half_width AS lower, e.mean + e.half_width AS upper, e.n, e.level
        FROM estimate e JOIN response r ON r.id = e.response;

        CREATE VIEW expectations AS
        SELECT x.run, x.number, x.text, r.name AS response, r.unit, x.at_least, x.at_most,
            e.mean, e.half_width, e.n, x.verdict
        FROM expectation x
        JOIN response r ON r.id = x.response
        LEFT JOIN estimate e ON e.run = x.run AND e.response = x.response;

        CREATE VIEW histograms AS
        SELECT h.run, h.replication, m.name AS measure, m.unit, h.count,
            CAST(h.sum AS REAL) / nullif(h.count, 0) AS mean, h.minimum, h.maximum
        FROM histogram h JOIN measure m ON m.id = h.measure;

        CREATE VIEW buckets AS
        SELECT b.run, b.replication, m.name AS measure, m.unit, b.lower, b.upper, b.count
        FROM bucket b JOIN measure m ON m.id = b.measure;

        CREATE VIEW stations AS
        SELECT s.run, s.replication, n.text AS station, s.served, s.utilisation, s.peak_utilisation,
            s.mean_wait_ms, s.maximum_wait_ms
        FROM station s JOIN name n ON n.id = s.name;
        """

    static let delivery = """
        CREATE VIEW ledgers AS
        SELECT l.run, l.replication, c.name AS class, p.name AS path, f.name AS phase, l.expected, l.delivered,
            (SELECT coalesce(sum(pairs), 0) FROM loss
                WHERE loss.run = l.run AND loss.replication = l.replication
                    AND loss.class = l.class AND loss.path = l.path AND loss.phase = l.phase) AS lost,
            l.in_flight, l.within_150ms, l.within_400ms, l.within_1s, l.decodable, l.void, l.extra
        FROM ledger l
        JOIN message_class c ON c.id = l.class
        JOIN path p ON p.id = l.path
        JOIN phase f ON f.id = l.phase;

        CREATE VIEW losses AS
        SELECT l.run, l.replication, c.name AS class, p.name AS path, f.name AS phase, k.name AS cause, l.pairs
        FROM loss l
        JOIN message_class c ON c.id = l.class
        JOIN path p ON p.id = l.path
        JOIN phase f ON f.id = l.phase
        JOIN cause k ON k.id = l.cause;

        -- Over all replications of a run.
        CREATE VIEW losses_by_cause AS
        SELECT l.run, k.name AS cause, sum(l.pairs) AS pairs,
            1.0 * sum(l.pairs) / sum(sum(l.pairs)) OVER (PARTITION BY l.run) AS share_of_lost,
            1.0 * sum(l.pairs)
                / (SELECT sum(expected) FROM ledger WHERE ledger.run = l.run) AS share_of_expected
        FROM loss l JOIN cause k ON k.id = l.cause
        GROUP BY l.run, l.cause;

        CREATE VIEW delivery_by_second AS
        SELECT s.run, s.replication, s.second, c.name AS class, p.name AS path, s.expected, s.delivered,
            s.within_400ms,
            1.0 * s.delivered / nullif(s.expected, 0) AS delivered_share,
            1.0 * s.within_400ms / nullif(s.expected, 0) AS within_400ms_share
        FROM series s
        JOIN message_class c ON c.id = s.class
        JOIN path p ON p.id = s.path;
        """

    static let setups = """
        CREATE VIEW setups AS
        SELECT s.run, s.replication, s.number, s.call, j.text AS joiner, p.text AS peer,
            jr.text AS joiner_region, pr.text AS peer_region, t.text AS site,
            CASE s.is_reconnect WHEN 1 THEN 'reconnect' ELSE 'first join' END AS kind,
            s.start_s, s.resolve_ms, s.token_ms, s.connect_ms, s.elect_ms, s.interest_ms, s.first_packet_ms,
            s.playable_ms, s.first_audio_ms, s.first_video_ms, s.expects_video, s.is_censored
        FROM setup s
        JOIN name j ON j.id = s.joiner
        JOIN name p ON p.id = s.peer
        JOIN name jr ON jr.id = s.joiner_region
        JOIN name pr ON pr.id = s.peer_region
        LEFT JOIN name t ON t.id = s.site;

        -- Nearest rank within one replication. Giving up counts as never, later than every time, so a percentile may
        -- be NULL; setups whose observation ended before they were done are counted apart and ranked nowhere.
        CREATE VIEW setup_percentiles_by_region_pair AS
        WITH timed AS (
            SELECT run, replication, joiner_region, peer_region, is_reconnect, 'audio' AS medium,
                first_audio_ms AS ms, is_censored AND first_audio_ms IS NULL AS censored
            FROM setup
            UNION ALL
            SELECT run, replication, joiner_region, peer_region, is_reconnect, 'video',
                first_video_ms, is_censored AND first_video_ms IS NULL
            FROM setup WHERE expects_video
        ), ranked AS (
            SELECT *,
                row_number() OVER (
                    PARTITION BY run, replication, joiner_region, peer_region, is_reconnect, medium, censored
                    ORDER BY ms IS NULL, ms) AS position,
                count(*) OVER (
                    PARTITION BY run, replication, joiner_region, peer_region, is_reconnect, medium, censored) AS n
            FROM timed
        )
        SELECT r.run, r.replication, jr.text AS joiner_region, pr.text AS peer_region,
            CASE r.is_reconnect WHEN 1 THEN 'reconnect' ELSE 'first join' END AS kind, r.medium,
            sum(NOT r.censored) AS setups,
            sum(NOT r.censored AND r.ms IS NULL) AS never,
            sum(r.censored) AS censored,
            max(CASE WHEN NOT r.censored AND r.position = (r.n * 50 + 99) / 100 THEN r.ms END) AS p50_ms,
            max(CASE WHEN NOT r.censored AND r.position = (r.n * 95 + 99) / 100 THEN r.ms END) AS p95_ms,
            max(CASE WHEN NOT r.censored AND r.position = (r.n * 99 + 99) / 100 THEN r.ms END) AS p99_ms
        FROM ranked r
        JOIN name jr ON jr.id = r.joiner_region
        JOIN name pr ON pr.id = r.peer_region
        GROUP BY r.run, r.replication, r.joiner_region, r.peer_region, r.is_reconnect, r.medium;

        CREATE VIEW stories AS
        SELECT j.run, j.replication, j.number, j.time_s, j.call, j.subject, j.text, k.name AS cause, j.pairs
        FROM journal j LEFT JOIN cause k ON k.id = j.cause;
        """

    static let all = [runs, delivery, setups]
}
