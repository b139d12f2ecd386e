import EventKernel

/// Something that a client connection of the load driver does at a given time.
struct DriverOperation: Sendable {
    enum Kind: Sendable {
        /// Dials a server, by its index, and dials it again whenever the connection is lost.
        case open(server: Int, whileAway: WhileAway)
        case subscribe(sid: UInt32, subject: String, queue: String?)
        case unsubscribe(sid: UInt32)
        /// Writes one message of `size` bytes that begins with a `MessageStamp`.
        case publish(subject: String, stream: UInt32, sequence: UInt32, size: Int)
        /// Ends the connection for good, after what was written before.
        case close
    }

    /// What becomes of messages that are due while a connection is lost.
    enum WhileAway: Sendable {
        /// They are lost, as those of a plain publisher that does not care.
        case lose
        /// They wait, up to the bound of the backlog, and are written after the next connect, as the commands of
        /// async-nats do.
        case keep
    }

    var due: SimTime
    /// Connections are numbered from 0; a number is used for one connection in a run.
    var connection: Int
    var kind: Kind

    init(due: SimTime, connection: Int, _ kind: Kind) {
        self.due = due
        self.connection = connection
        self.kind = kind
    }
}

/// Operations in order of their due times, made when they are asked for.
protocol DriverSource: Sendable {
    mutating func next() -> DriverOperation?
}

/// One message that arrived at a subscription.
struct DriverDelivery: Hashable, Sendable {
    var connection: Int
    var sid: UInt32
    var stream: UInt32
    var sequence: UInt32
    /// When it was due to be written.
    var due: SimTime
    /// When it was read.
    var time: SimTime
}

/// Operations of two sources as one; those of the first come first at equal times.
struct MergedSource: DriverSource {
    private var first: any DriverSource
    private var second: any DriverSource
    private var nextFirst: DriverOperation?
    private var nextSecond: DriverOperation?

    init(_ first: any DriverSource, _ second: any DriverSource) {
        self.first = first
        self.second = second
        nextFirst = self.first.next()
        nextSecond = self.second.next()
    }

    mutating func next() -> DriverOperation? {
        let takesFirst: Bool
        switch (nextFirst, nextSecond) {
        case (let left?, let right?): takesFirst = left.due <= right.due
        case (_?, nil): takesFirst = true
        default: takesFirst = false
        }
        if takesFirst {
            defer { nextFirst = first.next() }
            return nextFirst
        }
        defer { nextSecond = second.next() }
        return nextSecond
    }
}
