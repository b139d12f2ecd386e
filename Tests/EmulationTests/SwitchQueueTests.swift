import Testing

@testable import Emulation

private func append(_ queue: PacketQueue, _ byte: UInt8, due: Int64) -> Bool {
    withUnsafeBytes(of: byte) { queue.append($0, due: due) }
}

private func take(_ queue: PacketQueue) -> UInt8 {
    var byte: UInt8 = 0
    queue.takeFirst { byte = $0[0] }
    return byte
}

@Test func packetsLeaveInTheOrderInWhichTheyCame() {
    let queue = PacketQueue()
    // The ring wraps around while it grows.
    var next: UInt8 = 0
    for round in 0..<50 {
        #expect(append(queue, UInt8(2 * round), due: Int64(round)))
        #expect(append(queue, UInt8(2 * round + 1), due: Int64(round)))
        #expect(take(queue) == next)
        next += 1
    }
    #expect(queue.count == 50)
    while queue.count > 0 {
        #expect(take(queue) == next)
        next += 1
    }
    #expect(next == 100)
}

@Test func aPacketWaitsForTheOneBeforeIt() {
    let queue = PacketQueue()
    #expect(append(queue, 1, due: 600))
    #expect(append(queue, 2, due: 200))
    #expect(append(queue, 3, due: 700))
    #expect(queue.nextDue == 600)
    _ = take(queue)
    #expect(queue.nextDue == 600)
    _ = take(queue)
    #expect(queue.nextDue == 700)
}

@Test func anEmptyQueueHasForgottenItsPast() {
    let queue = PacketQueue()
    #expect(append(queue, 1, due: 600))
    #expect(queue.removeAll() == 1)
    #expect(queue.nextDue == Int64.max)
    #expect(append(queue, 2, due: 200))
    #expect(queue.nextDue == 200)
}

@Test func aFullQueueTakesNoMore() {
    let queue = PacketQueue()
    for _ in 0..<65_536 { _ = append(queue, 0, due: 0) }
    #expect(!append(queue, 0, due: 0))
    #expect(queue.count == 65_536)
}

@Test func aQueueFullOfBytesTakesNoMore() {
    let queue = PacketQueue()
    let packet = [UInt8](repeating: 0, count: 1 << 20)
    for _ in 0..<64 { #expect(packet.withUnsafeBytes { queue.append($0, due: 0) }) }
    #expect(!append(queue, 0, due: 0))
    _ = take(queue)
    #expect(append(queue, 0, due: 0))
}
