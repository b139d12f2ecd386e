import EventKernel
import Measures
import Scenario

/// The messages of plain publishers, in order of their due times.
struct RawSource: DriverSource {
    private struct Cursor {
        var due: SimTime
        var publisher: Int
        var instant: Int64
        var inBurst: Int64
        var sequence: UInt32
    }

    private let publishers: [RawPublisher]
    private let horizon: SimTime
    /// A heap by (due, publisher).
    private var cursors: [Cursor] = []

    init(_ publishers: [RawPublisher], horizon: SimTime) {
        self.publishers = publishers
        self.horizon = horizon
        for (index, publisher) in publishers.enumerated() {
            let first = publisher.due(instant: 1)
            guard first < min(publisher.end ?? horizon, horizon) else { continue }
            cursors.append(Cursor(due: first, publisher: index, instant: 1, inBurst: 0, sequence: 0))
        }
        cursors.sort { Self.precedes($0, $1) }
    }

    private static func precedes(_ left: Cursor, _ right: Cursor) -> Bool {
        (left.due, left.publisher) < (right.due, right.publisher)
    }

    mutating func next() -> DriverOperation? {
        guard let cursor = cursors.first else { return nil }
        let publisher = publishers[cursor.publisher]
        let operation = DriverOperation(
            due: cursor.due, connection: cursor.publisher,
            .publish(
                subject: publisher.subject, stream: UInt32(cursor.publisher), sequence: cursor.sequence,
                size: Int(publisher.size)))
        var later = cursor
        later.sequence &+= 1
        later.inBurst += 1
        if later.inBurst == publisher.burst {
            later.inBurst = 0
            later.instant += 1
            later.due = publisher.due(instant: later.instant)
        }
        if later.due < min(publisher.end ?? horizon, horizon) {
            cursors[0] = later
        } else {
            let last = cursors.removeLast()
            if !cursors.isEmpty { cursors[0] = last }
        }
        siftDown()
        return operation
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < cursors.count else { return }
            if child + 1 < cursors.count, Self.precedes(cursors[child + 1], cursors[child]) { child += 1 }
            guard Self.precedes(cursors[child], cursors[parent]) else { return }
            cursors.swapAt(child, parent)
            parent = child
        }
    }
}

/// The connections of plain publishers and their subscribers, and what reaches them.
///
/// A publisher's connection has its number among the publishers; those of subscribers follow. A publisher writes
/// nothing while its connection is lost: what is due then is lost, as at a publisher that goes down with its server.
final class RawTrafficDesk {
    private let deployment: EmulatedDeployment
    private let horizon: SimTime
    /// By connection number minus the number of publishers.
    private let subscribers: [(publisher: Int, place: ServerReference)]
    private(set) var accounts: [StreamAccount]

    static let sid: UInt32 = 1

    init(_ deployment: EmulatedDeployment, heal: SimTime?) {
        self.deployment = deployment
        horizon = .start + deployment.scenario.horizon
        let publishers = deployment.scenario.publishers
        subscribers = publishers.enumerated().flatMap { index, publisher in
            publisher.subscribers.map { (index, $0) }
        }
        accounts = subscribers.map { StreamAccount(burst: publishers[$0.publisher].burst, heal: heal) }
    }

    private var publishers: [RawPublisher] { deployment.scenario.publishers }

    var connectionCount: Int { publishers.count + subscribers.count }

    /// Opens all connections and subscribes.
    var opening: [DriverOperation] {
        var operations = publishers.enumerated().map { number, publisher in
            let place = ServerReference(region: publisher.region, server: publisher.server)
            return DriverOperation(
                due: .start, connection: number, .open(server: deployment.index(of: place), whileAway: .lose))
        }
        for (offset, subscriber) in subscribers.enumerated() {
            let number = publishers.count + offset
            operations.append(
                DriverOperation(
                    due: .start, connection: number,
                    .open(server: deployment.index(of: subscriber.place), whileAway: .lose)))
            operations.append(
                DriverOperation(
                    due: .start, connection: number,
                    .subscribe(sid: Self.sid, subject: publishers[subscriber.publisher].subject, queue: nil)))
        }
        return operations
    }

    /// One marker from each publisher.
    var markers: [DriverOperation] {
        publishers.enumerated().map { index, publisher in
            DriverOperation(
                due: MessageStamp.marker, connection: index,
                .publish(subject: publisher.subject, stream: UInt32(index), sequence: 0, size: MessageStamp.size))
        }
    }

    /// Where markers arrive when all is well.
    var expectedMarks: Set<LoadDriver.Marked> {
        var marks: Set<LoadDriver.Marked> = []
        for (offset, subscriber) in subscribers.enumerated() {
            let from = publishers[subscriber.publisher].region
            let to = subscriber.place.region
            guard from == to || deployment.gateways.contains(.init(from: from, to: to)) else { continue }
            marks.insert(
                .init(
                    connection: publishers.count + offset, sid: Self.sid, stream: UInt32(subscriber.publisher)))
        }
        return marks
    }

    /// In words, for errors.
    func describe(_ mark: LoadDriver.Marked) -> String {
        let subscriber = subscribers[mark.connection - publishers.count]
        let server = deployment.servers[deployment.index(of: subscriber.place)].name
        return "\(publishers[Int(mark.stream)].name) at \(server)"
    }

    /// A message reached a connection. Called on the driver's thread; nobody else looks before that has ended.
    func take(_ delivery: DriverDelivery) {
        let offset = delivery.connection - publishers.count
        guard subscribers.indices.contains(offset), delivery.time < horizon,
            subscribers[offset].publisher == Int(delivery.stream)
        else { return }
        accounts[offset].deliver(sequence: delivery.sequence, due: delivery.due, at: delivery.time)
    }

    /// The accounts of a publisher's subscribers.
    func accounts(of publisher: Int) -> [StreamAccount] {
        subscribers.indices.filter { subscribers[$0].publisher == publisher }.map { accounts[$0] }
    }
}
