import Foundation

/// Rules about every text file of the tree, documents included.
enum TextRules {
    static func trailingSpaces(path: String, lines: [String]) -> [Violation] {
        lines.enumerated().filter { $0.element.last == " " || $0.element.last == "\t" }.map {
            Violation(path: path, line: $0.offset + 1, message: "trailing space")
        }
    }

    /// Marks of unfinished work; put together here so that this file does not hold them.
    private static let unfinished = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]

    static func unfinishedWork(path: String, lines: [String]) -> [Violation] {
        lines.enumerated().flatMap { index, line in
            unfinished.filter { CodeRules.contains(line, word: $0) }.map {
                Violation(path: path, line: index + 1, message: "\($0): do it, or write it in an issue")
            }
        }
    }

    private static let machinePaths = ["wo" + "rk", "op" + "t", "ro" + "ot", "ho" + "me", "t" + "mp"].map { "/\($0)/" }
    private static let siblings = ["../sha" + "red"]

    /// A path of the machine that somebody worked on means nothing on another one.
    static func machinePaths(path: String, lines: [String]) -> [Violation] {
        lines.enumerated().flatMap { index, line in
            (machinePaths.filter { startsPath(line, $0) } + siblings.filter(line.contains)).map {
                Violation(path: path, line: index + 1, message: "\($0) is a path of one machine")
            }
        }
    }

    /// Whether the directory stands at the beginning of a path, not within one (an address, a repository's folder).
    private static func startsPath(_ line: String, _ directory: String) -> Bool {
        let text = Array(line.utf8)
        let pattern = Array(directory.utf8)
        guard text.count >= pattern.count else { return false }
        return (0...(text.count - pattern.count)).contains { start in
            guard text[start..<(start + pattern.count)].elementsEqual(pattern) else { return false }
            return start == 0 || " \"'`(=:".utf8.contains(text[start - 1])
        }
    }

    /// Links of a Markdown document to files of the tree; `exists` is asked with paths relative to the root.
    static func links(path: String, lines: [String], exists: (String) -> Bool) -> [Violation] {
        var isCode = false
        var violations: [Violation] = []
        for (index, line) in lines.enumerated() {
            if line.drop(while: { $0 == " " }).hasPrefix("```") { isCode.toggle() }
            if isCode { continue }
            for target in targets(line) where !isOutside(target) {
                let file = target.split(separator: "#", omittingEmptySubsequences: false)[0]
                if !file.isEmpty, !exists(resolve(String(file), from: path)) {
                    violations.append(Violation(path: path, line: index + 1, message: "link to nothing: \(target)"))
                }
            }
        }
        return violations
    }

    /// What stands in the parentheses of `[text](target)`.
    private static func targets(_ line: String) -> [String] {
        line.components(separatedBy: "](").dropFirst().compactMap { rest in
            rest.firstIndex(of: ")").map { String(rest[..<$0]) }
        }
    }

    private static func isOutside(_ target: String) -> Bool {
        target.hasPrefix("http://") || target.hasPrefix("https://") || target.hasPrefix("mailto:")
    }

    private static func resolve(_ target: String, from document: String) -> String {
        var parts = document.split(separator: "/").dropLast().map(String.init)
        for part in target.split(separator: "/") {
            switch part {
            case ".": break
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return parts.joined(separator: "/")
    }
}
