import Testing

@testable import NATSModel

@Suite struct SubjectTests {
    @Test(arguments: [
        ("room.1.*", "room.1.alice", true),
        ("room.1.*", "room.1", false),
        ("room.1.*", "room.1.alice.audio", false),
        ("room.1.*", "room.2.alice", false),
        ("room.*.alice", "room.1.alice", true),
        ("room.>", "room.1.alice", true),
        ("room.>", "room", false),
        (">", "room", true),
        (">", "room.1.alice", true),
        ("*", "room", true),
        ("*", "room.1", false),
        ("room", "room", true),
        ("room", "Room", false),
        ("a.*.>", "a.b", false),
        ("a.*.>", "a.b.c.d", true),
        ("a*.b", "ax.b", false),
        ("a*.b", "a*.b", true),
        ("a.b>", "a.b>", true),
        (">", "a..b", false),
        ("a.*.b", "a..b", false),
        ("*.b", "*.b", true),
        ("a.>.b", "a.x.b", false),
    ])
    func matchingFollowsTokens(_ pattern: String, _ subject: String, _ expected: Bool) {
        var table = SubjectTable()
        let wanted = table.intern(pattern)
        let given = table.intern(subject)
        #expect(table.matches(pattern: wanted, subject: given) == expected)
    }

    @Test(arguments: [
        ("a", true), ("a.b", true), ("a.*", true), ("a.>", true), (">", true), ("", false), (".", false), ("a.", false),
        (".a", false), ("a..b", false), ("a.>.b", false), ("a b", false), ("a.\tb", false), ("a*", true),
        ("\u{e9}.x", true),
    ])
    func validityIsThatOfTheServer(_ text: String, _ isValid: Bool) {
        #expect(SubjectTable.isValidSubscription(text) == isValid)
    }

    @Test func equalTextGetsOneNumber() {
        var table = SubjectTable()
        let first = table.intern("room.1.*")
        #expect(table.intern("room.2.*") != first)
        #expect(table.intern("room.1.*") == first)
        #expect(table.name(of: first) == "room.1.*")
        #expect(table.tokens(of: first).count == 3)
        #expect(table.count == 2)
    }

    /// Composed and decomposed letters look alike and are different subjects for the server.
    @Test func subjectsAreComparedByBytes() {
        var table = SubjectTable()
        #expect(table.intern("caf\u{e9}") != table.intern("cafe\u{301}"))
    }

    @Test func queuesAreNumberedApartFromSubjects() {
        var table = SubjectTable()
        _ = table.intern("a")
        let queue = table.internQueue("a")
        #expect(queue.rawValue == 0)
        #expect(table.name(of: queue) == "a")
        #expect(table.internQueue("b").rawValue == 1)
    }

    /// Every pattern of up to three tokens from {a, b, *, >} against every subject of up to three from {a, b}:
    /// the server's trie finds what the definition says.
    @Test func theTrieFindsWhatTheDefinitionSays() {
        var table = SubjectTable()
        var server = Server(name: "s", cluster: "c")
        _ = server.opened(1, .client)
        let patterns = texts(of: ["a", "b", "*", ">"]).filter(SubjectTable.isValidSubscription).map { table.intern($0) }
        for (sid, pattern) in patterns.enumerated() {
            _ = server.outputs(of: .subscribe(sid: Int32(sid), subject: pattern, queue: nil), on: 1, table)
        }
        #expect(patterns.count == 52)
        var hits = 0
        for text in texts(of: ["a", "b"]) {
            let subject = table.intern(text)
            let found = server.forwarding(of: subject, from: .client, in: table).locals.map { Int($0.sid) }
            let expected = patterns.indices.filter { table.matches(pattern: patterns[$0], subject: subject) }
            #expect(found == expected)
            hits += found.count
        }
        #expect(hits == 154)
    }

    private func texts(of tokens: [String]) -> [String] {
        var result = tokens
        var last = tokens
        for _ in 0..<2 {
            last = last.flatMap { text in tokens.map { text + "." + $0 } }
            result += last
        }
        return result
    }
}
