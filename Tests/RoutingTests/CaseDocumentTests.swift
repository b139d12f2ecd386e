import Foundation
import Testing

@testable import Routing

/// The examples of `docs/routing-cases.md` are cases.
@Suite struct CaseDocumentTests {
    /// Contents of the YAML blocks.
    private func examples() throws -> [String] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/routing-cases.md")
        let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```yaml\n").dropFirst()
        return parts.map { $0.components(separatedBy: "```")[0] }
    }

    @Test func theExamplesAreRead() throws {
        let examples = try examples()
        #expect(examples.count == 5)
        for example in examples {
            let text: String
            if example.hasPrefix("case:") {
                text = example
            } else if example.hasPrefix("clusters:") {
                text = "case: c\n" + example + "steps: [{wait: 1s}]\n"
            } else {
                text = """
                    case: c
                    clusters: {us: 3, sgp: 1}
                    clients: {ann: us-0, sam: sgp-0}
                    steps:
                    """ + "\n" + example
            }
            #expect(throws: Never.self, "\(example)") { try CaseReader.parse(text: text, file: "x.yaml") }
        }
    }

    @Test func theFirstExampleShowsTheReportThatIsPrinted() throws {
        let routingCase = try CaseReader.parse(text: try examples()[0], file: "my-case.yaml")
        let here = Set([2, 3, 7, 9])
        let copies = (0..<100).map { number in
            Reception.message(
                here.contains(number + 1) ? "sam" : "bob", number, "orders.new", label: "orders.*")
        }
        var backend = ScriptedBackend([[], copies, [], [.message("sam", 100, "orders.new", label: "orders.*")]])
        let result = CaseRunner().run(routingCase, on: &backend)
        let record = CaseRecord(file: "my-case.yaml", title: routingCase.title, results: [result])
        #expect(
            CaseTextReport.text(record) == """
                FAIL  A queue group is served in the publisher's cluster while it has members there (0 ms)
                  my-case.yaml:12:5: ann publishes to orders.new 100 times
                    bob           expected 100  seen 96
                      never got ann's message 2 of 100 to orders.new
                      never got ann's message 3 of 100 to orders.new
                      never got ann's message 7 of 100 to orders.new
                    sam/orders.*  expected 0    seen 4
                      sam/orders.* got ann's message 2 of 100 to orders.new, as orders.new
                      sam/orders.* got ann's message 3 of 100 to orders.new, as orders.new
                      sam/orders.* got ann's message 7 of 100 to orders.new, as orders.new

                """)
    }
}
