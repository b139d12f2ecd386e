import Foundation

/// Rules about Swift files. Each takes text and returns what breaks it, so that planted text can test the rule.
enum CodeRules {
    static let columns = 120
    static let fileLines = 500
    static let functionLines = 70

    static func width(_ file: SourceFile) -> [Violation] {
        file.lines.enumerated().filter { $0.element.count > columns }.map { index, line in
            Violation(path: file.path, line: index + 1, message: "\(line.count) columns, at most \(columns)")
        }
    }

    static func length(_ file: SourceFile) -> [Violation] {
        // The last line end leaves an empty piece behind.
        let count = file.lines.count - (file.lines.last == "" ? 1 : 0)
        guard count > fileLines else { return [] }
        return [Violation(path: file.path, line: count, message: "\(count) lines, at most \(fileLines)")]
    }

    static func functions(_ file: SourceFile) -> [Violation] {
        Structure(file).functions.compactMap { function in
            let count = function.last - function.first + 1
            guard count > functionLines else { return nil }
            let message = "\(function.name) has \(count) lines, at most \(functionLines)"
            return Violation(path: file.path, line: function.first, message: message)
        }
    }

    /// Sources of nondeterminism, with what to use instead.
    private static let banned: [(token: String, instead: String)] = [
        ("Date(", "simulated time, SimTime"),
        ("Date.now", "simulated time, SimTime"),
        ("ContinuousClock", "simulated time, SimTime"),
        ("SuspendingClock", "simulated time, SimTime"),
        ("clock_gettime", "simulated time, SimTime"),
        ("SystemRandomNumberGenerator", "a stream of RandomVariates"),
        ("random(in:", "a stream of RandomVariates"),
        (".random(", "a stream of RandomVariates"),
        ("shuffle(", "a stream of RandomVariates"),
        ("shuffled(", "a stream of RandomVariates"),
        ("randomElement(", "a stream of RandomVariates"),
        ("hashValue", "a keyed hash of EventKernel: Swift's differs in each process"),
        ("Hasher(", "a keyed hash of EventKernel: Swift's differs in each process"),
        ("Task {", "plain calls"),
        ("Task(", "plain calls"),
        ("Task.detached", "plain calls"),
        ("async", "plain calls"),
        ("await", "plain calls"),
    ]
    private static let threads = ["Dispatch", "DispatchQueue", "Thread", "pthread_create"]
    /// The one model room that may use threads: a region each, with a barrier.
    private static let threaded = "Simulation"

    /// Words that make a run differ from the next one, in the rooms that decide its results.
    static func determinism(_ file: SourceFile, house: House) -> [Violation] {
        guard let room = file.room, house.rooms(before: "ResultStore").contains(room) else { return [] }
        var tokens = banned
        if room != threaded { tokens += threads.map { ($0, "plain calls: only \(threaded) has threads") } }
        return file.code.enumerated().flatMap { index, line in
            tokens.filter { contains(line, word: $0.token) }.map {
                Violation(path: file.path, line: index + 1, message: "\($0.token) is banned here; use \($0.instead)")
            }
        }
    }

    /// Modules from outside that rooms below `Scenario` may use. Mathematics of the C library differ between
    /// platforms, so only the room that no run depends on has them.
    private static let outside: [String: Set<String>] = ["Statistics": ["Glibc", "Musl", "Darwin", "Synchronization"]]

    /// A room imports only what the manifest lists for it, and rooms only downwards; none before `Scenario`
    /// imports Foundation or anything else from outside.
    static func imports(_ file: SourceFile, house: House) -> [Violation] {
        guard let room = file.room, let place = house.index(of: room) else {
            guard let room = file.room else { return [] }
            return [Violation(path: file.path, line: 1, message: "\(room) is no room of Package.swift")]
        }
        let allowed = Set(house.rooms[place].imports)
        let isBelowScenario = house.rooms(before: "Scenario").contains(room)
        return modules(file).compactMap { line, module in
            if let target = house.index(of: module) {
                if target < place, allowed.contains(module) { return nil }
                let reason = target < place ? "not in its dependencies" : "not below it"
                return Violation(path: file.path, line: line, message: "\(room) imports \(module), \(reason)")
            }
            guard isBelowScenario else { return nil }
            if module == "Synchronization" || outside[room]?.contains(module) == true { return nil }
            return Violation(path: file.path, line: line, message: "\(room) imports \(module): no room before Scenario")
        }
    }

    /// Tests import what the manifest lists for them.
    static func testImports(_ file: SourceFile, house: House) -> [Violation] {
        guard let name = file.testedRoom, let target = house.tests.first(where: { $0.name == name }) else { return [] }
        return modules(file).filter { house.index(of: $0.module) != nil && !target.imports.contains($0.module) }.map {
            Violation(path: file.path, line: $0.line, message: "\($0.module) is not in the test's dependencies")
        }
    }

    private static func modules(_ file: SourceFile) -> [(line: Int, module: String)] {
        file.code.enumerated().compactMap { index, line in
            let words = line.split(whereSeparator: { " .".contains($0) })
            guard let place = words.firstIndex(of: "import"), place <= 2, place + 1 < words.count else { return nil }
            let isKind = ["struct", "class", "enum", "protocol", "func", "var", "let"].contains(words[place + 1])
            let module = isKind && place + 2 < words.count ? words[place + 2] : words[place + 1]
            return (index + 1, String(module))
        }
    }

    /// Rooms whose generic interface is called in the inner loop of other modules.
    private static let hotRooms: Set<String> = ["EventKernel", "RandomVariates"]

    /// A public generic that is neither inlinable nor frozen costs 5.8 times as much from another module
    /// (`docs/decisions/0001-rooms-and-arrows.md`).
    static func inlinable(_ file: SourceFile, genericTypes: Set<String>) -> [Violation] {
        guard let room = file.room, hotRooms.contains(room) else { return [] }
        return Structure(file).declarations.compactMap { declaration in
            let isInGeneric = declaration.scopes.contains { genericTypes.contains($0) }
            let isGeneric = genericTypes.contains(declaration.name) || signatureIsGeneric(declaration)
            let wanted: String
            switch declaration.kind {
            case "struct", "enum":
                guard isGeneric else { return nil }
                wanted = "@frozen"
            case "func", "init", "subscript":
                guard isGeneric || isInGeneric else { return nil }
                wanted = "@inlinable"
            case "var":
                guard isInGeneric, declaration.rest.contains("{") else { return nil }
                wanted = "@inlinable"
            default: return nil
            }
            if declaration.attributes.contains(wanted) { return nil }
            let message = "\(declaration.kind) \(declaration.name) is generic and not \(wanted)"
            return Violation(path: file.path, line: declaration.line, message: message)
        }
    }

    private static func signatureIsGeneric(_ declaration: Structure.Declaration) -> Bool {
        let name = declaration.kind == declaration.name ? "" : declaration.name
        return declaration.rest.drop { $0 == " " }.dropFirst(name.count).hasPrefix("<")
    }

    /// What needs no doc comment: its meaning is that of the type, the protocol or the parameter table around it.
    private static let selfExplaining: Set<String> = [
        "init", "extension", "case", "operator", "typealias", "subscript", "name", "zero", "isEmpty", "count", "add",
        "merge",
        "removeAll", "description", "debugDescription", "errorDescription",
        "hash", "encode", "next", "allCases", "rawValue", "section", "parameters", "configuration", "validate", "run",
    ]

    /// Public types, functions and computed properties say what they mean, in which unit, and what they throw.
    /// Stored properties are exempt: most are a documented type's plain field.
    static func documentation(_ file: SourceFile) -> [Violation] {
        guard file.room != nil else { return [] }
        return Structure(file).declarations.compactMap { declaration in
            let isStored = declaration.kind == "let" || (declaration.kind == "var" && !declaration.rest.contains("{"))
            let isExempt = selfExplaining.contains(declaration.name) || selfExplaining.contains(declaration.kind)
            if declaration.isDocumented || isExempt || isStored && !declaration.scopes.isEmpty { return nil }
            let message = "public \(declaration.kind) \(declaration.name) has no doc comment"
            return Violation(path: file.path, line: declaration.line, message: message)
        }
    }

    /// Each default says where it comes from.
    static func parameterSources(_ file: SourceFile) -> [Violation] {
        guard file.room != nil else { return [] }
        return file.code.enumerated().compactMap { index, line in
            guard line.drop(while: { $0 == " " }).hasPrefix("Parameter(") else { return nil }
            let entry = call(file, from: index)
            let source = entry.range(of: "source:").map { entry[$0.upperBound...].drop { $0 == " " } }
            let message: String
            switch source {
            case nil: message = "parameter without source"
            case .some(let text) where text.hasPrefix("\"\""): message = "parameter with an empty source"
            case .some(let text) where text.hasPrefix("\"estimate") && !entry.contains(".assumption"):
                message = "an estimate is an .assumption"
            default: return nil
            }
            return Violation(path: file.path, line: index + 1, message: message)
        }
    }

    /// The text of a call that starts on this line, up to the line that closes it.
    private static func call(_ file: SourceFile, from start: Int) -> String {
        var depth = 0
        var text = ""
        for index in start..<file.code.count {
            text += file.lines[index] + " "
            for character in file.code[index].utf8 {
                if character == UInt8(ascii: "(") { depth += 1 }
                if character == UInt8(ascii: ")") { depth -= 1 }
            }
            if depth <= 0 { break }
        }
        return text
    }

    /// Whether the token stands in the line and is not the end or beginning of a longer word.
    static func contains(_ line: String, word token: String) -> Bool {
        guard line.contains(token), let first = token.utf8.first, let last = token.utf8.last else { return false }
        let text = Array(line.utf8)
        let pattern = Array(token.utf8)
        guard text.count >= pattern.count else { return false }
        return (0...(text.count - pattern.count)).contains { start in
            guard text[start..<(start + pattern.count)].elementsEqual(pattern) else { return false }
            let end = start + pattern.count
            let continuesBefore = start > 0 && isWord(text[start - 1]) && isWord(first)
            let continuesAfter = end < text.count && isWord(text[end]) && isWord(last)
            return !continuesBefore && !continuesAfter
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
