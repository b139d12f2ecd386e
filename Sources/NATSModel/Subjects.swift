/// An interned subject or subscription pattern, dense from 0 within one `SubjectTable`.
@frozen
public struct SubjectID: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    public static func < (left: SubjectID, right: SubjectID) -> Bool { left.rawValue < right.rawValue }
}

/// An interned queue-group name, dense from 0 within one `SubjectTable`.
@frozen
public struct QueueID: Hashable, Comparable, Sendable, BitwiseCopyable {
    public var rawValue: Int32

    @inlinable
    public init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    public static func < (left: QueueID, right: QueueID) -> Bool { left.rawValue < right.rawValue }
}

/// Turns subjects, patterns and queue names into dense integers, once, at the edge of a run.
///
/// Subjects are compared by their bytes, as nats-server does. One table serves all servers of a run; it is a
/// value, so threads that only read it need no lock.
public struct SubjectTable: Sendable {
    /// The token `*`.
    static let star: Int32 = 0
    /// The token `>`.
    static let tail: Int32 = 1
    /// The empty token, which makes a subject match nothing.
    static let empty: Int32 = 2

    private var subjects: [[UInt8]: SubjectID] = [:]
    private var texts: [String] = []
    private var tokenIDs: [[UInt8]: Int32] = [[UInt8(ascii: "*")]: 0, [UInt8(ascii: ">")]: 1, []: 2]
    /// All tokens of all subjects; those of subject i are `tokenData[tokenStarts[i] ..< tokenStarts[i + 1]]`.
    private var tokenData: [Int32] = []
    private var tokenStarts: [Int32] = [0]
    private var areSubscribable: [Bool] = []
    private var queues: [[UInt8]: QueueID] = [:]
    private var queueNames: [String] = []

    public init() {}

    /// The number of subjects and patterns interned so far.
    public var count: Int { texts.count }

    /// The id of a subject or pattern; equal bytes get the same id. Text that is no valid subject gets one too,
    /// since clients can send it: it matches nothing.
    public mutating func intern(_ text: String) -> SubjectID {
        let bytes = Array(text.utf8)
        if let known = subjects[bytes] { return known }
        let id = SubjectID(rawValue: Int32(texts.count))
        for token in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            tokenData.append(internToken(Array(token)))
        }
        tokenStarts.append(Int32(tokenData.count))
        texts.append(text)
        subjects[bytes] = id
        areSubscribable.append(Self.isValidSubscription(text))
        return id
    }

    private mutating func internToken(_ token: [UInt8]) -> Int32 {
        if let known = tokenIDs[token] { return known }
        let id = Int32(tokenIDs.count)
        tokenIDs[token] = id
        return id
    }

    /// The id of a queue group's name.
    public mutating func internQueue(_ name: String) -> QueueID {
        let bytes = Array(name.utf8)
        if let known = queues[bytes] { return known }
        let id = QueueID(rawValue: Int32(queueNames.count))
        queueNames.append(name)
        queues[bytes] = id
        return id
    }

    /// The tokens of a subject as dense integers: 0 is `*`, 1 is `>`, 2 is the empty token.
    public func tokens(of subject: SubjectID) -> ArraySlice<Int32> {
        let index = Int(subject.rawValue)
        return tokenData[Int(tokenStarts[index])..<Int(tokenStarts[index + 1])]
    }

    public func name(of subject: SubjectID) -> String { texts[Int(subject.rawValue)] }

    public func name(of queue: QueueID) -> String { queueNames[Int(queue.rawValue)] }

    /// May be subscribed to: a valid literal or pattern.
    func isSubscribable(_ subject: SubjectID) -> Bool { areSubscribable[Int(subject.rawValue)] }

    /// Whether only servers may publish to it: `_GR_.` and at least one byte (nats-server v2.9.10
    /// server/gateway.go hasGWRoutedReplyPrefix).
    func isGatewayReply(_ subject: SubjectID) -> Bool { hasPrefix("_GR_.", subject) }

    /// Whether clients may not use it as a reply (nats-server v2.9.10 server/client.go isReservedReply).
    func isReservedReply(_ subject: SubjectID) -> Bool {
        isGatewayReply(subject) || hasPrefix("$JS.ACK.", subject) || hasPrefix("_R_.", subject, orEqual: true)
    }

    private func hasPrefix(_ prefix: String, _ subject: SubjectID, orEqual: Bool = false) -> Bool {
        let text = name(of: subject).utf8
        return text.starts(with: prefix.utf8) && (orEqual || text.count > prefix.utf8.count)
    }

    /// Whether `pattern` matches `subject`: `*` is exactly one token, `>` one or more at the end.
    ///
    /// This is the definition that the servers' tries are tested against (nats-server v2.9.10 server/sublist.go).
    public func matches(pattern: SubjectID, subject: SubjectID) -> Bool {
        guard isSubscribable(pattern) else { return false }
        let wanted = tokens(of: pattern)
        let given = tokens(of: subject)
        guard !given.contains(Self.empty) else { return false }
        var position = given.startIndex
        for token in wanted {
            guard position < given.endIndex else { return false }
            if token == Self.tail { return true }
            // A wildcard character in a published subject is matched by wildcards only.
            let isWildcard = given[position] == Self.star || given[position] == Self.tail
            if token != Self.star && (isWildcard || token != given[position]) { return false }
            position += 1
        }
        return position == given.endIndex
    }

    /// Which of two patterns that match one subject a server finds first: `>` before `*` before a literal token, but
    /// a literal last token before `*` (nats-server v2.9.10 server/sublist.go matchLevel).
    func isFoundEarlier(_ left: SubjectID, than right: SubjectID) -> Bool {
        let first = tokens(of: left)
        let second = tokens(of: right)
        guard let (one, other) = zip(first.indices, second.indices).first(where: { first[$0] != second[$1] }) else {
            return false
        }
        func rank(_ tokens: ArraySlice<Int32>, _ index: Int) -> Int {
            switch tokens[index] {
            case Self.tail: 0
            case Self.star: index == tokens.endIndex - 1 ? 3 : 1
            default: 2
            }
        }
        return rank(first, one) < rank(second, other)
    }

    /// A subject that can be subscribed to: non-empty tokens without white space, the token `>` only at the end.
    static func isValidSubscription(_ text: String) -> Bool {
        let space: [UInt8] = [9, 10, 12, 13, 32]
        guard !text.isEmpty, !text.utf8.contains(where: { space.contains($0) }) else { return false }
        let tokens = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        for (index, token) in tokens.enumerated() {
            if token.isEmpty { return false }
            if token.elementsEqual([UInt8(ascii: ">")]) && index != tokens.count - 1 { return false }
        }
        return true
    }
}
