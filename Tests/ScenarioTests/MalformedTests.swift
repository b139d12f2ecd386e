import Testing

@testable import Scenario

/// Each row makes one thing wrong and states the whole line that must come out.
@Suite struct MalformedTests {
    @Test(
        arguments: [
            (
                [1: "horizon: 10m"],
                """
                x.yaml:1:10: horizon: m is a unit of CPU only; expected a duration with one of the units ns us \
                ms s min h d, found "10m" (did you mean "10min"?)
                """
            ),
            (
                [1: "horizon: 600"],
                "x.yaml:1:10: horizon: expected a duration with a unit (ns us ms s min h d), found \"600\""
            ),
            (
                [1: "horizon: -10min"],
                "x.yaml:1:10: horizon: expected a value from 100ms to 7d, found \"-10min\""
            ),
            ([1: "horizon: 8d"], "x.yaml:1:10: horizon: expected a value from 100ms to 7d, found \"8d\""),
            ([1: "horizon:"], "x.yaml:1:9: expected a value for horizon, found nothing"),
            ([1: "horizon: [10min]"], "x.yaml:1:10: expected a value for horizon, found a list"),
            (
                [1: "horizont: 10min"],
                "x.yaml:1:1: unknown key \"horizont\" in a scenario (did you mean \"horizon\"?)"
            ),
            ([1: "kind: steady"], "x.yaml:1:1: key \"horizon\" is missing in a scenario"),
            (
                [2: "start: 2026-11-17T13:30:00"],
                """
                x.yaml:2:8: start: expected a UTC instant such as 2026-11-17T13:30:00Z, found \
                "2026-11-17T13:30:00" (did you mean "2026-11-17T13:30:00Z"?)
                """
            ),
            (
                [2: "kind: terminal"],
                """
                x.yaml:2:7: expected kind to be one of terminating, steady, found "terminal" (did you mean \
                "terminating"?)
                """
            ),
            (
                [2: "steering: geodns"],
                """
                x.yaml:2:11: expected steering to be one of election, geo-dns, proxied-dns, pinned, found \
                "geodns" (did you mean "geo-dns"?)
                """
            ),
            (
                [2: "profile: videocall-2027"],
                """
                x.yaml:2:10: expected profile to be one of videocall-2025-07, videocall-2026, found \
                "videocall-2027" (did you mean "videocall-2026"?)
                """
            ),
            ([2: "replications: 0"], "x.yaml:2:15: replications: expected a value from 1 to 1000, found \"0\""),
            ([2: "replications: 2.5"], "x.yaml:2:15: replications: expected a whole number, found \"2.5\""),
            (
                [14: "seed: -1"],
                "x.yaml:14:7: seed: expected a whole number from 0 to 18446744073709551615, found \"-1\""
            ),
            ([14: "horizon: 5min"], "x.yaml:14:1: key \"horizon\" is given twice"),
            ([14: "seed: \"7"], "x.yaml:28:48: not YAML: did not find expected key"),
            ([14: "seed: 7\n... \n---\nseed: 8"], "x.yaml:16:1: expected one document, found another"),
            ([14: "seed: !secret 7"], "x.yaml:14:7: YAML tag \"!secret\" is not supported"),
            ([14: "[a]: 7"], "x.yaml:14:1: expected a key, found a list"),
        ] as [([Int: String], String)])
    func refusesWrongTopLevels(_ changes: [Int: String], _ line: String) {
        #expect(complaint(Samples.scenario(changes)) == line)
    }

    @Test(
        arguments: [
            (
                [6: "    region: singapor"],
                "x.yaml:6:13: region: no region \"singapor\" in deployment \"x\" (did you mean \"singapore\"?)"
            ),
            (
                [6: "    region: sgp1"],
                "x.yaml:6:13: region: no region \"sgp1\" in deployment \"x\" (did you mean \"singapore\"?)"
            ),
            (
                [5: "    place: ho-chi-min"],
                """
                x.yaml:5:12: place: unknown place "ho-chi-min"; give round-trips and utc-offset instead (did you \
                mean "ho-chi-minh"?)
                """
            ),
            (
                [5: "    access: wifi"],
                "x.yaml:5:5: round-trips: no round trip to region \"us-east\", and no place is given"
            ),
            (
                [5: "    round-trips: { us-east: 250ms, frankfurt: 30ms }"],
                "x.yaml:5:36: round-trips: no region \"frankfurt\" in deployment \"x\""
            ),
            (
                [5: "    place: ho-chi-minh\n    access: dialup"],
                "x.yaml:6:13: expected access to be one of fibre, cable, wifi, busy-wifi, lte, 5g, found \"dialup\""
            ),
            (
                [5: "    place: ho-chi-minh\n    utc-offset: 7.5"],
                "x.yaml:6:17: utc-offset: expected whole hours from -12 to +14, found \"7.5\""
            ),
            (
                [7: "    traffic: { arrivals: -3/min }"],
                "x.yaml:7:26: arrivals: expected a value from 0/s to 10000/s, found \"-3/min\""
            ),
            (
                [7: "    traffic: { arrivals: 3 }"],
                "x.yaml:7:26: arrivals: expected a rate with a unit (/s /min /h /d), found \"3\""
            ),
            (
                [7: "    traffic: { concurrent: 3, constant: 4 }"],
                "x.yaml:7:31: traffic: expected exactly one of concurrent, arrivals and constant, found 2"
            ),
            (
                [7: "    traffic: {}"],
                "x.yaml:7:14: traffic: expected exactly one of concurrent, arrivals and constant, found 0"
            ),
            ([7: "    traffic: 4"], "x.yaml:7:14: expected a mapping with traffic, found \"4\""),
            (
                [7: "    traffic: { constant: 4 }\n    diurnal: social"],
                "x.yaml:8:5: diurnal has no effect on constant traffic"
            ),
            (
                [8: "    sizes: { \"2\": 60%, \"3-4\": 30% }"],
                "x.yaml:8:12: sizes: expected shares that add up to 100%, found 90%"
            ),
            ([8: "    sizes: { \"1\": 100% }"], "x.yaml:8:14: sizes: expected sizes from 2 to 500, found \"1\""),
            ([8: "    sizes: { \"4-3\": 100% }"], "x.yaml:8:14: sizes: expected sizes from 2 to 500, found \"4-3\""),
            ([8: "    sizes: { few: 100% }"], "x.yaml:8:14: sizes: expected a size such as 2 or 3-4, found \"few\""),
            ([8: "    sizes: { \"2-4\": 50%, \"4\": 50% }"], "x.yaml:8:26: sizes: \"4\" overlaps \"2-4\""),
            ([8: "    sizes: { \"2\": 160% }"], "x.yaml:8:19: sizes: expected a value from 0% to 100%, found \"160%\""),
            (
                [8: "    sizes: { \"2\": 100% }\n    cross-region: { with: vietnam, share: 10% }"],
                "x.yaml:9:27: with: a population has no cross-region calls with itself"
            ),
            (
                [8: "    sizes: { \"2\": 100% }\n    cross-region: { with: america, share: 10% }"],
                "x.yaml:9:27: with: no population \"america\" (did you mean \"americas\"?)"
            ),
            (
                [8: "    sizes: { \"2\": 100% }\n    cross-region: { with: americas }"],
                "x.yaml:9:19: key \"share\" is missing in cross-region calls"
            ),
            (
                [8: "    sizes: { \"2\": 100% }\n    duration: { mean: 52 }"],
                "x.yaml:9:23: mean: expected a duration with a unit (ns us ms s min h d), found \"52\""
            ),
            (
                [
                    11: "    region: singapore",
                    8: "    sizes: { \"2\": 100% }\n    cross-region: { with: americas, share: 1% }",
                ],
                "x.yaml:9:27: with: population \"americas\" belongs to the same region as \"vietnam\""
            ),
            (
                [4: "  viet nam:"],
                """
                x.yaml:4:3: expected a name for a population of letters, digits, - and _ (at most 63), found \
                "viet nam"
                """
            ),
            (
                [2: "seed: 1", 7: "    traffic: { concurrent: 4 }\n    diurnal: social", 14: "kind: steady"],
                "x.yaml:1:1: key \"start\" is missing: the day of population \"vietnam\" has a shape"
            ),
        ] as [([Int: String], String)])
    func refusesWrongPopulations(_ changes: [Int: String], _ line: String) {
        #expect(complaint(Samples.scenario(changes)) == line)
    }

    @Test(arguments: [
        (
            "relay: { mialbox: 16 }",
            "x.yaml:15:10: unknown key \"mialbox\" in the settings of relay (did you mean \"mailbox\"?)"
        ),
        ("relay: { mailbox: 0 }", "x.yaml:15:19: mailbox: expected a value from 1 to 1000000, found \"0\""),
        ("relay: { mailbox: 16KB }", "x.yaml:15:19: mailbox: expected a whole number, found \"16KB\""),
        (
            "client: { webtransport-blocked: 140% }",
            "x.yaml:15:33: webtransport-blocked: expected a value from 0% to 100%, found \"140%\""
        ),
        (
            "media: { diagnostics: yes }",
            "x.yaml:15:23: diagnostics: expected true or false, found \"yes\" (did you mean \"true\"?)"
        ),
        (
            "media: { audio-size: 190 }",
            "x.yaml:15:22: audio-size: expected a size with a unit (B KB MB GB KiB MiB GiB), found \"190\""
        ),
        ("nats: fast", "x.yaml:15:7: expected a mapping with the settings of nats, found \"fast\""),
        (
            "dns: { time-to-live: 5m }",
            """
            x.yaml:15:22: time-to-live: m is a unit of CPU only; expected a duration with one of the units ns us \
            ms s min h d, found "5m" (did you mean "5min"?)
            """
        ),
        (
            """
            publishers: [{ server: us-east/nats-9, subject: a, rate: 1/s, size: 1B, subscribers: \
            [singapore/nats-0] }]
            """,
            """
            x.yaml:15:24: server: no NATS server "us-east/nats-9" in deployment "x" (did you mean \
            "us-east/nats-0"?)
            """
        ),
        (
            """
            publishers: [{ server: us-east/nats-0, subject: a.*, rate: 1/s, size: 1B, subscribers: \
            [singapore/nats-0] }]
            """,
            "x.yaml:15:49: subject: expected tokens joined by dots, without spaces and wildcards, found \"a.*\""
        ),
        (
            "expect: [{ response: setup.audio.all.p59, at-most: 4s }]",
            """
            x.yaml:15:22: response: no response "setup.audio.all.p59" in the catalogue (did you mean \
            "setup.audio.all.p50"?)
            """
        ),
        (
            "expect: [{ response: setup.audio.all.p50 }]",
            "x.yaml:15:10: expectation on \"setup.audio.all.p50\" has no bound: give at-least or at-most"
        ),
        (
            "expect: [{ response: setup.audio.all.p50, at-most: 4 }]",
            "x.yaml:15:52: at-most: expected a duration with a unit (ns us ms s min h d), found \"4\""
        ),
        (
            "expect: [{ response: people.returned, at-least: 120% }]",
            "x.yaml:15:49: at-least: expected a value from 0% to 100%, found \"120%\""
        ),
        (
            "expect: [{ response: people.returned, at-least: 9%, at-most: 8% }]",
            "x.yaml:15:53: at-most \"8%\" is below at-least \"9%\""
        ),
        (
            "expect: [{ response: people.returned, at-least: 9% }, { response: people.returned, at-least: 8% }]",
            "x.yaml:15:55: response \"people.returned\" has this bound twice"
        ),
    ])
    func refusesWrongSections(_ extra: String, _ line: String) {
        #expect(complaint(Samples.scenario(extra: extra)) == line)
    }

    @Test(arguments: [
        (
            "{ at: 5min, fault: black-hole, site: singapor }",
            "x.yaml:15:49: site: no region \"singapor\" in deployment \"x\" (did you mean \"singapore\"?)"
        ),
        ("{ at: 5min, fault: black-hole }", "x.yaml:15:12: black-hole needs the key \"site\""),
        (
            "{ at: 5min, fault: black-hole, link: us-east/singapore }",
            "x.yaml:15:43: black-hole hits a site, not a link (did you mean \"site\"?)"
        ),
        (
            "{ at: 5min, fault: blackhole, site: singapore }",
            """
            x.yaml:15:31: expected fault to be one of black-hole, power-loss, refused, wan-cut, round-trip, \
            loss, jitter, bandwidth, server-kill, relay-kill, found "blackhole" (did you mean "black-hole"?)
            """
        ),
        (
            "{ at: 10min, fault: black-hole, site: singapore }",
            "x.yaml:15:18: at: the fault begins at 10min, not before the horizon of 10min, and hits nothing"
        ),
        (
            "{ at: 5min, for: 0s, fault: black-hole, site: singapore }",
            "x.yaml:15:29: for: the fault lasts no time and hits nothing"
        ),
        (
            "{ at: -5min, fault: black-hole, site: singapore }",
            "x.yaml:15:18: at: expected a value from 0s to 7d, found \"-5min\""
        ),
        (
            "{ at: 5min, fault: wan-cut, link: singapore/frankfurt }",
            "x.yaml:15:46: link: no link \"singapore/frankfurt\" in deployment \"x\""
        ),
        (
            "{ at: 5min, fault: server-kill, server: singapore/nats-1 }",
            """
            x.yaml:15:52: server: no NATS server "singapore/nats-1" in deployment "x" (did you mean \
            "singapore/nats-0"?)
            """
        ),
        (
            "{ at: 5min, fault: relay-kill, relay: singapore/wt-0 }",
            "x.yaml:15:50: relay: no relay \"singapore/wt-0\" in deployment \"x\" (did you mean \"singapore/ws-0\"?)"
        ),
        (
            "{ at: 5min, fault: relay-kill, relay: us-east/wt-2 }",
            "x.yaml:15:50: relay: no relay \"us-east/wt-2\" in deployment \"x\" (did you mean \"us-east/wt-0\"?)"
        ),
        ("{ at: 5min, fault: round-trip, link: us-east/singapore }", "x.yaml:15:12: round-trip needs the key \"to\""),
        (
            "{ at: 5min, fault: round-trip, link: us-east/singapore, to: 234ms }",
            "x.yaml:15:72: to: the link's round trip is 234ms already; the fault hits nothing"
        ),
        (
            "{ at: 5min, fault: wan-cut, link: us-east/singapore, to: 300ms }",
            "x.yaml:15:65: to belongs to round-trip, loss, jitter, bandwidth only"
        ),
        (
            """
            { at: 5min, fault: black-hole, site: singapore }, { at: 5min, for: 1min, fault: refused, site: \
            singapore }
            """,
            "x.yaml:15:62: the fault contradicts the one in line 15: both command one target at one instant"
        ),
        (
            """
            { at: 5min, fault: round-trip, link: us-east/singapore, to: 1s }, { at: 5min, fault: round-trip, \
            link: us-east/singapore, to: 2s }
            """,
            "x.yaml:15:78: the fault contradicts the one in line 15: both command one target at one instant"
        ),
        (
            """
            { at: 1min, for: 1min, fault: wan-cut, link: us-east/singapore }, { at: 2min, for: 1min, fault: \
            wan-cut, link: us-east/singapore }
            """,
            "x.yaml:15:78: the fault contradicts the one in line 15: one ends at the instant at which the other begins"
        ),
        (
            """
            { at: 1min, fault: black-hole, site: singapore }, { at: 2min, for: 1min, fault: wan-cut, link: \
            us-east/singapore }
            """,
            "x.yaml:15:62: the fault is covered by the one in line 15 and hits nothing"
        ),
        (
            """
            { at: 2min, for: 1min, fault: server-kill, server: singapore/nats-0 }, { at: 1min, fault: \
            power-loss, site: singapore }
            """,
            "x.yaml:15:83: the fault covers the one in line 15, which hits nothing"
        ),
    ])
    func refusesFaultsOnNothing(_ faults: String, _ line: String) {
        #expect(complaint(Samples.scenario(extra: "timeline: [\(faults)]")) == line)
    }
}
