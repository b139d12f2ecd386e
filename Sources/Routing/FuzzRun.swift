/// What a back end delivered of a batch.
public struct FuzzRun: Hashable, Sendable {
    /// By program and wave, in order for each client. Messages are numbered by program, from 0 in the order of
    /// publishing, so that a program alone is comparable with the same program among others.
    public var receptions: [[[Reception]]]

    public init(receptions: [[[Reception]]]) { self.receptions = receptions }
}

/// A back end said something that no run of a batch can lead to.
public struct FuzzRunError: Error, Hashable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

extension FuzzBatch {
    /// Boots the topology, performs all waves, and shuts the back end down, also after an error.
    ///
    /// - Throws: what the back end throws, and `FuzzRunError` for receptions of unknown clients or messages.
    public func run(on backend: inout some RoutingBackend) throws -> FuzzRun {
        defer { backend.shutDown() }
        var receptions = programs.map { _ in (0..<waveCount).map { _ in [Reception]() } }
        /// The program of each message of the batch, and its number there.
        var origins: [(program: Int, number: Int)] = []
        var sent = programs.map { _ in 0 }
        var owners: [String: Int] = [:]
        try backend.boot(topology)
        for (position, program) in programs.enumerated() {
            for client in program.clients {
                owners[client.name] = position
                try backend.perform(.connect(client), message: MessageNumber(rawValue: 0))
            }
        }
        try backend.settle()
        for wave in 0..<waveCount {
            for turn in schedule(wave) {
                try backend.perform(turn.action, message: MessageNumber(rawValue: origins.count))
                guard let program = turn.program else { continue }
                if case .connect(let client) = turn.action { owners[client.name] = program }
                guard case .publish(let publish) = turn.action else { continue }
                for _ in 0..<publish.times {
                    origins.append((program, sent[program]))
                    sent[program] += 1
                }
            }
            try backend.settle()
            for reception in try backend.takeReceptions() {
                guard let owner = owners[reception.client] else {
                    throw FuzzRunError("\(backend.name): reception of an unknown client \(reception.client)")
                }
                let number = reception.content.message.rawValue
                guard origins.indices.contains(number), origins[number].program == owner else {
                    let what = "message \(number), which its program did not publish"
                    throw FuzzRunError("\(backend.name): \(reception.client) received \(what)")
                }
                receptions[owner][wave].append(reception.renumbered(origins[number].number))
            }
        }
        return FuzzRun(receptions: receptions)
    }
}

extension Reception.Content {
    /// The message that it is, answers or reports.
    var message: MessageNumber {
        switch self {
        case .message(let number), .answer(let number, _), .noResponders(let number): number
        }
    }
}

extension Reception {
    fileprivate func renumbered(_ number: Int) -> Reception {
        var copy = self
        let message = MessageNumber(rawValue: number)
        switch content {
        case .message: copy.content = .message(message)
        case .answer(_, let responder): copy.content = .answer(to: message, responder: responder)
        case .noResponders: copy.content = .noResponders(message)
        }
        return copy
    }
}
