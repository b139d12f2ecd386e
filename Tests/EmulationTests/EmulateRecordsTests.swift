import EventKernel
import Measures
import Scenario
import Testing

@testable import Emulation

/// What is read from logs, and what streams are made of.
struct EmulateRecordsTests {
    // MARK: Logs

    private let log = """
        [7] 2026/11/23 18:04:10.223392 [INF] 10.2.1.1:7222 - gid:1 - \
        Outbound gateway connection to "sgp" (NARD) registered
        [7] 2026/11/23 18:04:10.223613 [INF] 10.2.1.1:51044 - gid:2 - Processing inbound gateway connection
        [7] 2026/11/23 18:04:10.224995 [INF] 10.2.1.1:51044 - gid:2 - \
        Inbound gateway connection from "sgp" (NARD) registered
        [7] 2026/11/23 18:04:12.000001 [INF] 10.2.1.1:51044 - gid:2 - \
        Gateway connection closed: Client Closed - Remote: b
        [7] 2026/11/23 18:04:11.000002 [INF] 10.2.1.1:7222 - gid:1 - \
        Slow Consumer Detected: WriteDeadline of 10s exceeded
        [7] 2026/11/23 18:04:13.000000 [INF] 10.2.1.1:7222 - cid:9 - Client connection closed: Client Closed
        """

    @Test func linesAboutGateways() throws {
        // 18:04:10 UTC is 1,795,457,050 s after 1970.
        let entries = GatewayLog(log, offset: 0).entries
        #expect(
            entries.map(\.what) == [
                .outbound("sgp"), .inbound("sgp"), .note("Slow Consumer Detected: WriteDeadline of 10s exceeded"),
                .closed("Client Closed - Remote: b"),
            ])
        #expect(entries.map(\.connection) == [1, 2, 1, 2])
        #expect(entries[0].time == 1_795_457_050_223_392_000)
        #expect(entries[0].pid == 7)
        #expect(GatewayLog(log, offset: 3_600).entries[0].time == 1_795_453_450_223_392_000)
    }

    @Test func connectionsEndWithTheirServer() throws {
        let deployment = try EmulatedDeployment(plainScenario(twoRegions(roundTrip: .milliseconds(20))))
        let history = GatewayHistory(
            GatewayLog(log, offset: 0), server: 0, of: deployment, kills: [at(3)],
            time: { SimTime(nanoseconds: $0 - 1_795_457_050_000_000_000) - .milliseconds(224) })
        #expect(history.events.map(\.isOutbound) == [true, false, false, true])
        #expect(history.events.map(\.isRegistered) == [true, true, false, false])
        // What was registered before time zero was there at time zero.
        #expect(history.events.map(\.time.nanoseconds) == [0, 995_000, 1_776_001_000, 3_000_000_000])
        #expect(history.events.allSatisfy { $0.server == "us/nats-0" && $0.region == "sgp" })
    }

    // MARK: Before time zero

    private func pause(_ scenario: Scenario, _ replication: UInt32) -> Double {
        EmulationRun.pause(before: scenario, replication: replication).seconds
    }

    @Test func faultsMeetAnyPhaseOfThePings() {
        let cut = Fault(kind: .wanCut(link: 0, from: nil), start: at(1), end: at(2))
        let deployment = twoRegions(roundTrip: .milliseconds(20))
        var scenario = plainScenario(deployment, timeline: [cut])
        let pauses = (0..<200).map { pause(scenario, $0) }
        #expect(pauses[0] == 8.168994548)
        #expect(pauses[1] == 5.519563584)
        #expect(pauses.allSatisfy { $0 >= 0 && $0 < 15 })
        // A fifth of them in each 3 s: 40 with a standard deviation of 5.7.
        for from in [0.0, 3, 6, 9, 12] {
            let count = pauses.filter { from <= $0 && $0 < from + 3 }.count
            #expect((20...60).contains(count))
        }
        scenario.seed = 2
        #expect(pause(scenario, 0) == 6.70447696)
        #expect(pause(plainScenario(deployment), 0) == 0)
        #expect(pause(plainScenario(deployment, timeline: [cut], initial: .empty), 0) == 0)
    }

    // MARK: Certificate

    @Test func aBusyLinkMayHoldUpBulkTraffic() {
        var traffic = FabricTraffic()
        // Two thousand packets a second for two seconds.
        for packet in 0..<4_000 { traffic.noteDelayed(due: 0, at: 5_000_000_000 + Int64(packet) * 500_000) }
        #expect(Bounds.linkLateness99(of: traffic) == .milliseconds(1))
        traffic.noteDelayed(due: 0, at: 6_999_999_999)
        #expect(Bounds.linkLateness99(of: traffic) == .milliseconds(5))
    }

    /// A machine of 100 ticks a second, looked at four times a second.
    private func watch(idleTicks: [UInt64]) throws -> MachineWatch {
        var watch = MachineWatch()
        var load = try #require(MachineLoad(text: "cpu 0 0 0 0 0 0 0 0 0 0\n"))
        watch.look(at: 0) { load }
        for (second, idle) in idleTicks.enumerated() {
            load.total += 100
            load.idle += idle
            for quarter in 1...4 {
                watch.look(at: Int64(second) * 1_000_000_000 + Int64(quarter) * 250_000_000) { load }
            }
        }
        return watch
    }

    @Test func aSecondWithoutIdleTimeIsFull() throws {
        let seen = try watch(idleTicks: [40, 4, 5, 0])
        #expect(seen.seconds == 4)
        #expect(seen.fullSeconds == 2)
        #expect(seen.fullShare == 0.5)
        #expect(MachineWatch().fullShare == 0)
    }

    @Test func aFullMachineProvesNothing() throws {
        let seldom = try watch(idleTicks: [0] + Array(repeating: 30, count: 19))
        #expect(Bounds.problem(of: seldom) == nil)
        let often = try watch(idleTicks: [0, 0] + Array(repeating: 30, count: 18))
        #expect(
            Bounds.problem(of: often)
                == "in 2 of 20 s the CPUs were idle for less than 5 % of the time, at most 5 % of them is sound")
    }

    @Test func aMachineThatSaysNothingIsNotWatched() {
        var watch = MachineWatch()
        for second: Int64 in 0..<3 { watch.look(at: second * 1_000_000_000) { nil } }
        #expect(watch.seconds == 0)
    }

    // MARK: Streams

    @Test func messagesComeInOrderOfTheirDueTimes() throws {
        var fast = stream("fast", perSecond: 4)
        fast.burst = 2
        let slow = stream("slow", perSecond: 1, end: at(1.5))
        var source = RawSource([slow, fast], horizon: at(1.1))
        var seen: [String] = []
        while let operation = source.next() {
            guard case .publish(_, let stream, let sequence, let size) = operation.kind else { continue }
            #expect(size == 100)
            #expect(operation.connection == Int(stream))
            seen.append("\(operation.due.nanoseconds / 1_000_000):\(stream).\(sequence)")
        }
        #expect(
            seen == [
                "250:1.0", "250:1.1", "500:1.2", "500:1.3", "750:1.4", "750:1.5", "1000:0.0", "1000:1.6", "1000:1.7",
            ])
        #expect(fast.published(before: at(1.1)) == 8)
    }

    private struct Fixed: DriverSource {
        var rest: [DriverOperation]

        mutating func next() -> DriverOperation? { rest.isEmpty ? nil : rest.removeFirst() }
    }

    @Test func sourcesAreMergedByTime() {
        func close(_ connection: Int, _ seconds: Double) -> DriverOperation {
            DriverOperation(due: at(seconds), connection: connection, .close)
        }
        var merged = MergedSource(
            Fixed(rest: [close(0, 1), close(1, 3)]), Fixed(rest: [close(2, 1), close(3, 2), close(4, 4)]))
        var order: [Int] = []
        while let operation = merged.next() { order.append(operation.connection) }
        #expect(order == [0, 2, 3, 1, 4])
    }

    // MARK: Wire

    @Test func aMessageIsWrittenAndReadBack() throws {
        var queue = ByteQueue()
        let stamp = MessageStamp(stream: 3, sequence: 70_000, due: at(12.5))
        queue.appendMessage("a.b", stamp, size: 20)
        let bytes = Array(queue.unsent)
        #expect(String(decoding: bytes.prefix(12), as: UTF8.self) == "PUB a.b 20\r\n")
        #expect(bytes.count == 12 + 20 + 2)
        let delivery = Array("+OK\r\nMSG a.b 17 20\r\n".utf8) + bytes[12...] + Array("PING\r\nMSG a".utf8)
        try delivery.withUnsafeBytes { bytes in
            var position = 0
            guard case .other? = try WireReader.next(bytes, &position) else {
                Issue.record("no +OK")
                return
            }
            guard case .message(17, let payload)? = try WireReader.next(bytes, &position) else {
                Issue.record("no message")
                return
            }
            #expect(MessageStamp(payload) == stamp)
            guard case .ping? = try WireReader.next(bytes, &position) else {
                Issue.record("no PING")
                return
            }
            #expect(position == delivery.count - 5)
            #expect(try WireReader.next(bytes, &position) == nil)
        }
    }

    @Test func whatIsNoProtocolIsRefused() {
        for text in ["HELLO\r\n", "MSG a.b 1\r\n", "MSG a.b x 5\r\nhello\r\n", "MSG a.b 1 2000000\r\n"] {
            Array(text.utf8).withUnsafeBytes { bytes in
                var position = 0
                #expect(throws: NATSProtocolError.self) { try WireReader.next(bytes, &position) }
            }
        }
    }
}
