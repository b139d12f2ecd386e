import Foundation
import Testing

@testable import Scenario

@Suite struct GuardTests {
    @Test func refusesAnEmptyFile() {
        #expect(complaint("") == "x.yaml:1:1: the file is empty")
        #expect(complaint("# nothing\n") == "x.yaml:1:1: the file is empty")
    }

    @Test func refusesAListAtTheTop() {
        #expect(complaint("- horizon\n") == "x.yaml:1:1: expected a mapping with a scenario, found a list")
    }

    @Test func refusesTenMegabytesOnOneLine() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 10_000_000)
        #expect(complaint(bytes: bytes) == "x.yaml:1:1: the file is larger than 1 MiB")
    }

    @Test func refusesALongLine() {
        let text = "horizon: 10min\nname: " + String(repeating: "a", count: 100_000) + "\n"
        #expect(complaint(text) == "x.yaml:2:1001: the line is longer than 1000 characters")
    }

    @Test func refusesWhatIsNotUTF8() {
        let bytes = Array("horizon: 10min\nname: ".utf8) + [0xC3, 0x28]
        #expect(complaint(bytes: bytes) == "x.yaml:2:7: the file is not UTF-8 here")
    }

    @Test func refusesUTF16() {
        #expect(complaint(bytes: [0xFF, 0xFE, 0x68, 0x00]) == "x.yaml:1:1: the file is not UTF-8 here")
    }

    @Test func refusesControlCharacters() {
        #expect(complaint("horizon: 10min\nname: a\0b\n") == "x.yaml:2:8: control character U+0 is not allowed")
        #expect(complaint("name: a\u{2028}b\n") == "x.yaml:1:8: control character U+2028 is not allowed")
    }

    @Test func refusesAnAliasBomb() {
        var text = "a0: &a0 [lol, lol]\n"
        for level in 1...30 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1), *a\(level - 1)]\n" }
        #expect(complaint(text) == "x.yaml:1:5: YAML anchors and aliases are not supported; write the value out")
    }

    @Test func refusesAnAliasHiddenBehindAHashInAQuotation() {
        let text = "a: \"one\n  # two\": &x 3\n"
        #expect(
            complaint("a: \"1 # 2\"\nb: {\"# c\": &x 3}\n")
                == "x.yaml:2:12: YAML anchors and aliases are not supported; write the value out")
        #expect(complaint(text) != nil)
    }

    @Test func allowsAsterisksInCommentsAndSubjects() {
        let text = Samples.scenario([14: "seed: 7 # *not* an alias, nor &this\n# *nor* here"])
        #expect(complaint(text) == nil)
    }

    @Test func refusesDeepNesting() {
        let flow = "a: " + String(repeating: "[", count: 900) + "\n"
        #expect(complaint(flow) == "x.yaml:1:36: nested more than 32 levels deep")
        let block = String(repeating: "- ", count: 400) + "a\n"
        #expect(complaint(block) == "x.yaml:1:65: nested more than 32 levels deep")
        let lines = (0..<200).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(complaint(lines) == "x.yaml:102:102: indented by more than 100 columns")
    }

    @Test func reportsAMissingFile() {
        #expect(throws: ScenarioError(file: "no/such.yaml", line: 1, column: 1, message: "no such file")) {
            try ScenarioReader.load(path: "no/such.yaml")
        }
    }

    @Test func reportsAFolder() {
        let path = Samples.root.appendingPathComponent("scenarios").path
        #expect(throws: ScenarioError(file: path, line: 1, column: 1, message: "this is a folder")) {
            try ScenarioReader.load(path: path)
        }
    }

    @Test func keepsMessagesOnOneLine() {
        let line = complaint("horizon: 10min\n\"a\\nb\": 1\n")
        #expect(line?.hasPrefix("x.yaml:2:1: unknown key \"a?b\" in a scenario, whose keys are ") == true)
        #expect(line?.contains("\n") == false)
    }

    /// Random changes to the committed files: each ends in a value or in one line with a position, never in a crash.
    @Test func survivesRandomMutations() throws {
        let folder = Samples.root.appendingPathComponent("scenarios")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
        let inline = Array(Samples.scenario(extra: "relay: { mailbox: 8 }\ntimeline: []").utf8)
        var texts = [inline]
        for name in names.sorted() {
            texts.append(Array(try Data(contentsOf: folder.appendingPathComponent(name))))
        }
        let file = folder.appendingPathComponent("mutant.yaml").path
        let pattern = /:[1-9][0-9]*:[1-9][0-9]*: [^\n]+$/
        var generator = SplitMix(state: 20_261_117)
        for round in 0..<2_000 {
            // The inline sample is small, holds every kind of key and needs no second file: three rounds of four.
            var bytes = round % 4 != 0 ? inline : texts[Int(generator.next() % UInt64(texts.count))]
            for _ in 0..<(1 + generator.next() % 4) { generator.mutate(&bytes) }
            do throws(ScenarioError) {
                _ = try ScenarioReader.parse(bytes: bytes, file: file)
            } catch {
                let line = error.description
                #expect(line.contains(pattern), "round \(round): \(line)")
            }
        }
    }
}

/// A small generator for the test above (Steele, Lea and Flood, OOPSLA 2014).
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let index = Int(next() % UInt64(bytes.count))
        let marks = Array(":-[]{}\"'#&*!|>%@`, \n\t0123456789eEmsh\\?~".utf8)
        switch next() % 6 {
        case 0: bytes[index] = UInt8(truncatingIfNeeded: next())
        case 1: bytes[index] = marks[Int(next() % UInt64(marks.count))]
        case 2: bytes.insert(marks[Int(next() % UInt64(marks.count))], at: index)
        case 3: bytes.remove(at: index)
        case 4:
            let end = min(bytes.count, index + Int(next() % 40))
            bytes.insert(contentsOf: Array(bytes[index..<end]), at: Int(next() % UInt64(bytes.count)))
        default:
            let end = min(bytes.count, index + Int(next() % 40))
            bytes.removeSubrange(index..<end)
        }
    }
}
