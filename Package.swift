// swift-tools-version: 6.2
import PackageDescription

// The house: one target per room, bottom to top. A room imports only rooms listed before it;
// `docs/architecture.md` walks through them. No room before `Scenario` may import Foundation.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "antipode",
    products: [.executable(name: "antipode", targets: ["antipode"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        room("EventKernel"),
        room("RandomVariates"),
        room("Parameters", ["EventKernel"]),
        room("Measures", ["EventKernel"]),
        room("Statistics"),
        room("Network", ["EventKernel", "RandomVariates", "Parameters", "Measures"]),
        room("NATSModel", ["EventKernel", "RandomVariates", "Parameters", "Measures"]),
        room("CallModel", ["EventKernel", "RandomVariates", "Parameters", "Measures", "Network"]),
        room("Scenario", ["EventKernel", "Parameters", "Measures", "Network", "NATSModel", "CallModel", yams]),
        room(
            "Routing",
            ["EventKernel", "RandomVariates", "Parameters", "Network", "NATSModel", "CallModel", "Scenario"]),
        // One instruction that Swift has no name for.
        .target(name: "CPrefetch"),
        room(
            "Simulation",
            [
                "CPrefetch", "EventKernel", "RandomVariates", "Parameters", "Measures", "Network", "NATSModel",
                "CallModel", "Scenario",
            ]),
        room("ResultStore", ["EventKernel", "Measures", "Scenario", grdb]),
        room(
            "Experiment",
            ["EventKernel", "Measures", "Statistics", "Scenario", "Simulation", "ResultStore"]),
        // What Swift cannot call: variadic and GNU-only interfaces of Linux.
        .target(name: "CLinux"),
        room(
            "Emulation",
            [
                "CLinux", "EventKernel", "RandomVariates", "Measures", "Network", "NATSModel", "CallModel", "Scenario",
                "Routing", "Simulation",
            ]),
        room("Report", ["EventKernel", "Measures", "Statistics", "Scenario", "ResultStore", "Experiment"]),
        .executableTarget(
            name: "antipode",
            dependencies: [
                "EventKernel", "Measures", "NATSModel", "Scenario", "Routing", "Simulation", "Emulation", "ResultStore",
                "Experiment", "Report", "Statistics", argumentParser,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "workloads",
            dependencies: ["EventKernel", "Measures", "Simulation"],
            path: "Benchmarks/Workloads",
            swiftSettings: strict),
        tests("EventKernel", ["EventKernel", "RandomVariates"]),
        tests("RandomVariates", ["RandomVariates"]),
        tests("Measures", ["Measures", "EventKernel"]),
        tests("Statistics", ["Statistics"]),
        tests("Network", ["Network", "EventKernel", "Measures"]),
        tests("NATSModel", ["NATSModel", "EventKernel"]),
        tests("CallModel", ["CallModel", "EventKernel", "Network", "RandomVariates", "Measures"]),
        tests("Scenario", ["Scenario", "EventKernel", "Measures", "Network", "CallModel", "NATSModel"]),
        tests(
            "Simulation",
            ["Simulation", "Scenario", "EventKernel", "Measures", "Network", "NATSModel", "CallModel"]),
        tests("Routing", ["Routing", "Scenario", "EventKernel", "NATSModel", "Network", "RandomVariates"]),
        tests(
            "Emulation",
            [
                "Emulation", "Routing", "Scenario", "Simulation", "Measures", "Network", "EventKernel", "NATSModel",
                "CallModel", "CLinux",
            ]),
        tests("Conformance", ["Emulation", "Routing", "Scenario", "EventKernel", "NATSModel"]),
        tests("ResultStore", ["ResultStore", "Measures", "EventKernel", "Scenario", grdb]),
        tests(
            "Experiment",
            ["Experiment", "Scenario", "Simulation", "Statistics", "Measures", "ResultStore", "EventKernel"]),
        tests(
            "Report",
            ["Report", "Scenario", "Statistics", "Measures", "Experiment", "EventKernel", "ResultStore"],
            exclude: ["Snapshots"]),
        tests("Command", ["antipode", "ResultStore", "Emulation", grdb], exclude: ["Snapshots"]),
        tests("Oracles", ["EventKernel", "RandomVariates", "Simulation"]),
        tests("Tidy", []),
    ]
)
