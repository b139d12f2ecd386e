import Testing

/// Each rule finds a violation planted for it, and only that one.
@Suite struct PlantedViolationTests {
    private let house = House(
        manifest: """
            func room(_ name: String) -> Target { .target(name: name) }
            room("EventKernel"),
            room("Statistics"),
            room("Network", ["EventKernel"]),
            room(
                "Scenario",
                ["EventKernel", "Network", yams]),
            room("Simulation", ["EventKernel", "Scenario"]),
            room("ResultStore", ["Scenario"]),
            tests("Network", ["Network"]),
            """)

    private func lines(_ violations: [Violation]) -> [Int] { violations.map(\.line) }

    private func source(_ text: String, in path: String = "Sources/Network/Link.swift") -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test func manifestIsReadInOrder() {
        #expect(
            house.rooms.map(\.name) == [
                "EventKernel", "Statistics", "Network", "Scenario", "Simulation", "ResultStore",
            ])
        #expect(house.rooms.first { $0.name == "Scenario" }?.imports == ["EventKernel", "Network", "Yams"])
        #expect(house.tests.map(\.imports) == [["Network"]])
    }

    @Test func longLine() {
        let text = "let a = 1\n" + String(repeating: "x", count: 121) + "\n" + String(repeating: "y", count: 120)
        #expect(lines(CodeRules.width(source(text))) == [2])
    }

    @Test func longFile() {
        #expect(lines(CodeRules.length(source(String(repeating: "\n", count: 501)))) == [501])
        #expect(CodeRules.length(source(String(repeating: "\n", count: 500))).isEmpty)
    }

    @Test func longFunction() {
        let body = String(repeating: "    use(\"}\")  // }\n", count: 69)
        let long = "protocol P {\n    func asked() -> Int\n}\nfunc f(\n    _ a: () -> Void = {}\n) {\n\(body)}\n"
        #expect(
            CodeRules.functions(source(long)) == [
                Violation(path: "Sources/Network/Link.swift", line: 4, message: "f has 73 lines, at most 70")
            ])
        #expect(CodeRules.functions(source("init() {\n\(String(repeating: "a\n", count: 68))}\n")).isEmpty)
    }

    @Test func nondeterminism() {
        let text = """
            let a = Date()  // Date() in a comment does not count
            let b = "Task { await }"
            let c = "\\(Int.random(in: 0..<3))"
            let d = myDate()
            let e = values.shuffled()
            """
        #expect(Set(lines(CodeRules.determinism(source(text), house: house))) == [1, 3, 5])
        #expect(CodeRules.determinism(source(text, in: "Sources/ResultStore/A.swift"), house: house).isEmpty)
    }

    @Test func threadsOnlyInSimulation() {
        let text = "DispatchQueue.concurrentPerform(iterations: 2) { _ in }"
        #expect(lines(CodeRules.determinism(source(text), house: house)) == [1])
        #expect(CodeRules.determinism(source(text, in: "Sources/Simulation/A.swift"), house: house).isEmpty)
    }

    @Test func importUpwards() {
        let text = "public import EventKernel\nimport Scenario\nimport Statistics\n"
        #expect(
            CodeRules.imports(source(text), house: house).map(\.message) == [
                "Network imports Scenario, not below it", "Network imports Statistics, not in its dependencies",
            ])
    }

    @Test func foundationBelowScenario() {
        let text = "import Foundation\nimport struct Foundation.URL\nimport Synchronization\n"
        #expect(lines(CodeRules.imports(source(text), house: house)) == [1, 2])
        #expect(CodeRules.imports(source(text, in: "Sources/Simulation/A.swift"), house: house).isEmpty)
    }

    @Test func unknownRoom() {
        #expect(lines(CodeRules.imports(source("", in: "Sources/Attic/A.swift"), house: house)) == [1])
    }

    @Test func undeclaredTestImport() {
        let text = "import Testing\nimport Network\n@testable import EventKernel\n"
        let file = source(text, in: "Tests/NetworkTests/A.swift")
        #expect(lines(CodeRules.testImports(file, house: house)) == [3])
    }

    @Test func undocumentedDeclaration() {
        let text = """
            /// Documented.
            public struct A {
                public var plain: Int
                public init() {}
                /// Documented.
                @inlinable
                public func f() {}
                public static func g() -> Int { 1 }
                public private(set) var h: Int { 2 }
            }
            public enum B { case one }
            """
        #expect(lines(CodeRules.documentation(source(text))) == [8, 9, 11])
    }

    @Test func opaqueHotGeneric() {
        let text = """
            public struct Queue<Element> {
                public var count: Int { 0 }
                @inlinable public init() {}
            }
            extension Queue {
                public mutating func push(_ element: Element) {}
            }
            public func pick<T>(_ value: T) -> T { value }
            public func plain() {}
            """
        let file = source(text, in: "Sources/EventKernel/Queue.swift")
        let generic = Structure(file).genericTypes
        #expect(generic == ["Queue"])
        #expect(lines(CodeRules.inlinable(file, genericTypes: generic)) == [1, 2, 6, 8])
        #expect(CodeRules.inlinable(source(text), genericTypes: generic).isEmpty)
    }

    @Test func parameterWithoutSource() {
        let text = """
            Parameter(
                "a", .count(\\.a), 0...1, "Meaning (of a).", source: "file.rs:1", .measured),
            Parameter("b", .count(\\.b), 0...1, "Meaning.", source: "", .measured),
            Parameter("c", .count(\\.c), 0...1, "Meaning.", source: "estimate", .measured),
            Parameter("d", .count(\\.d), 0...1, "Meaning.", .measured),
            """
        #expect(lines(CodeRules.parameterSources(source(text))) == [3, 4, 5])
    }

    @Test func trailingSpace() {
        #expect(lines(TextRules.trailingSpaces(path: "a.md", lines: ["a", "b ", "c\t"])) == [2, 3])
    }

    @Test func unfinishedWork() {
        let planted = ["// TO" + "DO later", "FIX" + "ME", "TO" + "DOS", "fine"]
        #expect(lines(TextRules.unfinishedWork(path: "a.swift", lines: planted)) == [1, 2])
    }

    @Test func machinePath() {
        let planted = ["see /wo" + "rk/main", "https://example.org/wo" + "rk/main", "x = \"/t" + "mp/a\"", "a/b"]
        #expect(lines(TextRules.machinePaths(path: "a.md", lines: planted)) == [1, 3])
    }

    @Test func brokenLink() {
        let planted = ["[a](other.md#part)", "[b](missing.md)", "[c](https://example.org)", "```", "[d](no.md)", "```"]
        let violations = TextRules.links(path: "docs/a.md", lines: planted) { $0 == "docs/other.md" }
        #expect(violations.map(\.line) == [2])
    }
}
