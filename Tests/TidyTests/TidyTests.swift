import Foundation
import Testing

/// The rules of `CONTRIBUTING.md` that a program can check, on the tree as it is.
@Suite struct TidyTests {
    private let tree: Tree

    init() throws { tree = try Tree.shared.get() }

    private func expectNone(_ violations: [Violation]) {
        let list = violations.map(\.description).joined(separator: "\n")
        #expect(violations.isEmpty, "\(violations.count) violations:\n\(list)")
    }

    private func forEachSource(_ rule: (SourceFile) -> [Violation]) { expectNone(tree.sources.flatMap(rule)) }

    private func forEachText(_ rule: (String, [String]) -> [Violation]) {
        expectNone(tree.texts.flatMap { rule($0.path, $0.lines) })
    }

    @Test func theTreeIsFound() {
        #expect(tree.sources.contains { $0.path == "Sources/EventKernel/SimTime.swift" })
        #expect(tree.house.rooms.first?.name == "EventKernel")
        #expect(tree.house.rooms.contains { $0.name == "Scenario" && $0.imports.contains("Yams") })
        #expect(tree.house.tests.contains { $0.name == "Tidy" })
    }

    @Test func linesFitTheWidth() { forEachSource(CodeRules.width) }
    @Test func filesAreShort() { forEachSource(CodeRules.length) }
    @Test func functionsAreShort() { forEachSource(CodeRules.functions) }
    @Test func modelsAreDeterministic() { forEachSource { CodeRules.determinism($0, house: tree.house) } }
    @Test func roomsImportDownwards() { forEachSource { CodeRules.imports($0, house: tree.house) } }
    @Test func testsImportWhatTheyDeclare() { forEachSource { CodeRules.testImports($0, house: tree.house) } }
    @Test func publicDeclarationsAreDocumented() { forEachSource(CodeRules.documentation) }
    @Test func parametersNameTheirSources() { forEachSource(CodeRules.parameterSources) }

    @Test func hotGenericsAreInlinable() {
        let genericTypes = Set(tree.sources.filter { $0.room != nil }.flatMap { Structure($0).genericTypes })
        forEachSource { CodeRules.inlinable($0, genericTypes: genericTypes) }
    }

    @Test func linesHaveNoTrailingSpaces() { forEachText(TextRules.trailingSpaces) }
    @Test func nothingIsLeftUnfinished() { forEachText(TextRules.unfinishedWork) }
    @Test func noFileNamesAMachine() { forEachText(TextRules.machinePaths) }

    @Test func linksOfDocumentsResolve() {
        // A snapshot is what a program printed: its links start where the user has that page written to.
        let isSnapshot = { (path: String) in path.hasPrefix("Tests/") && path.contains("/Snapshots/") }
        expectNone(
            tree.texts.filter { $0.path.hasSuffix(".md") && !isSnapshot($0.path) }.flatMap {
                TextRules.links(path: $0.path, lines: $0.lines, exists: Tree.exists)
            })
    }
}
