/// The rooms and what each may import, as `Package.swift` lists them, bottom to top.
struct House: Sendable {
    struct Room: Equatable, Sendable {
        let name: String
        /// Rooms and products, with the name of the module that is imported.
        let imports: [String]
    }

    /// In the order of the manifest: a room may import only rooms before it.
    let rooms: [Room]
    let tests: [Room]

    init(manifest: String) {
        rooms = Self.calls(to: ["room", ".executableTarget"], in: manifest)
        tests = Self.calls(to: ["tests"], in: manifest)
    }

    func index(of name: String) -> Int? { rooms.firstIndex { $0.name == name } }

    /// Rooms listed before this one.
    func rooms(before name: String) -> Set<String> {
        Set(rooms.prefix { $0.name != name }.map(\.name))
    }

    /// Products that the manifest gives a short name, and the modules they hold.
    private static let products = [
        "yams": "Yams", "grdb": "GRDB", "argumentParser": "ArgumentParser", "logging": "Logging",
    ]

    /// Every call `name("Target", [dependencies])` or `name(name: "Target", dependencies: [...])`.
    private static func calls(to names: [String], in manifest: String) -> [Room] {
        let text = Array(manifest.utf8)
        var found: [(place: Int, room: Room)] = []
        for name in names {
            let opening = Array((name + "(").utf8)
            var place = 0
            while let start = text.firstRange(of: opening, from: place) {
                place = start + opening.count
                let isWholeWord = start == 0 || [UInt8(ascii: " "), UInt8(ascii: "\n")].contains(text[start - 1])
                let arguments = self.arguments(text, from: place)
                let strings = arguments.strings
                // A declaration of the helper itself has no literal in its parentheses.
                guard isWholeWord, let target = strings.first else { continue }
                let modules = products.filter { arguments.words.contains($0.key) }.map(\.value).sorted()
                found.append((start, Room(name: target, imports: strings.dropFirst() + modules)))
            }
        }
        return found.sorted { $0.place < $1.place }.map(\.room)
    }

    /// String literals and bare words up to the parenthesis that closes the call.
    private static func arguments(_ text: [UInt8], from start: Int) -> (strings: [String], words: Set<String>) {
        var strings: [String] = []
        var words: Set<String> = []
        var depth = 1
        var place = start
        while place < text.count, depth > 0 {
            switch text[place] {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"): depth -= 1
            case UInt8(ascii: "\""):
                let end = text[(place + 1)...].firstIndex(of: UInt8(ascii: "\"")) ?? text.count
                strings.append(String(decoding: text[(place + 1)..<end], as: UTF8.self))
                place = end
            default:
                var word = WordScanner(Array(text[place...].prefix(64)))
                if case .word(let name) = word.next() {
                    words.insert(name)
                    place += name.utf8.count - 1
                }
            }
            place += 1
        }
        return (strings, words)
    }
}

extension [UInt8] {
    fileprivate func firstRange(of pattern: [UInt8], from start: Int) -> Int? {
        guard count >= pattern.count, start <= count - pattern.count else { return nil }
        return (start...(count - pattern.count)).first { self[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }
}
