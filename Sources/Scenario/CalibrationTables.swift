extension FormatTables {
    static let calibration = KeyTable(
        "a calibration",
        [
            Key(
                "suite", .choice(Calibration.Suite.allCases.map(\.rawValue)), required: true,
                "The group of comparisons that it belongs to."),
            Key("live-runs", .count, 1...1_000, default: "3", "Replications on real servers."),
            Key("simulated-runs", .count, 20...1_000, default: "20", "Replications on the model."),
            Key(
                "exclusive", .flag, default: "false",
                "Whether it needs the machine for itself: sub-millisecond and CPU measurements do."),
            Key("rows", .list(.table(calibrationRow)), required: true, "The responses that are compared."),
            Key("sweep", .table(calibrationSweep), default: "none", "A setting that takes several values."),
        ])

    static let calibrationRow = KeyTable(
        "a row of a calibration",
        [
            Key("response", .text, required: true, "Name of a response of this scenario."),
            Key("title", .text, default: "the response's name", "What it is, for people."),
            Key(
                "margin", .text,
                "How far the model may lie outside what was measured: `3%` of the nearest bound, or an amount in the "
                    + "response's unit (a share where there is `above`). Needed but for `measured: never`."),
            Key(
                "above", .text,
                "Compares the share of runs in which the response exceeds this; a run without a value does."),
            Key(
                "measured", .either([.list(.text), .choice(["never"])]),
                "Least and greatest value that earlier measurements saw, or `never`: it did not happen in any run."),
            Key("measurements", .count, 1...1_000_000, "How many measurements that was; needed with `measured`."),
            Key(
                "published", .text,
                "A figure that others have published, shown beside and not compared, in the response's unit."),
            Key("published-by", .text, "Who has published it, and where; needed with `published`."),
        ])

    static let calibrationSweep = KeyTable(
        "a sweep",
        [
            Key("set", .text, required: true, "Dotted key of a duration, as for `--set`: `timeline.0.for`."),
            Key("from", .duration, 0...maximumHorizon, required: true, "First value."),
            Key("to", .duration, 0...maximumHorizon, required: true, "Last value."),
            Key("step", .duration, 1...maximumHorizon, required: true, "Distance between values on the model."),
            Key("live", .list(.duration), default: "none", "Those of the values that real servers are given."),
        ])
}
