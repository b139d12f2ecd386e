import Testing

@testable import Emulation

private typealias EndPoint = NodePortTranslation.EndPoint

private let client = EndPoint(address: Address(10, 2, 1, 1), port: 40_000)
private let nodePort = EndPoint(address: Address(10, 1, 250, 1), port: 30_722)
/// Ports 0 and 1 of the switch.
private let servers = [Address(10, 1, 1, 1), Address(10, 1, 2, 1)]
private let secondServer = EndPoint(address: Address(10, 1, 2, 1), port: 7222)

/// The sum of a checksummed range; 0xFFFF when the checksum in it is right.
private func sum(_ bytes: [UInt8], from start: UInt32 = 0) -> UInt32 {
    var total = start
    for index in stride(from: 0, to: bytes.count, by: 2) {
        total += UInt32(bytes[index]) << 8 + (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
    }
    while total > 0xFFFF { total = total & 0xFFFF + total >> 16 }
    return total
}

/// The sum of the addresses, the protocol and the length, which belong to TCP's checksum too.
private func pseudoHeader(_ packet: [UInt8]) -> UInt32 {
    sum(Array(packet[12..<20]), from: 6 + UInt32(packet.count - 20))
}

private func packet(_ from: EndPoint, _ to: EndPoint, flags: UInt8, payload: [UInt8] = []) -> [UInt8] {
    func two(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xFF)] }
    var bytes: [UInt8] = [0x45, 0] + two(40 + payload.count) + [0, 1, 0x40, 0, 64, 6, 0, 0]
    bytes += from.address.octets + to.address.octets
    bytes += two(Int(from.port)) + two(Int(to.port)) + [0, 0, 0, 7, 0, 0, 0, 0, 0x50, flags] + two(64_240)
    bytes += [0, 0, 0, 0] + payload
    bytes.replaceSubrange(10..<12, with: two(Int(~sum(Array(bytes[..<20])) & 0xFFFF)))
    let tcp = sum(Array(bytes[20...]), from: pseudoHeader(bytes))
    bytes.replaceSubrange(36..<38, with: two(Int(~tcp & 0xFFFF)))
    return bytes
}

private let syn: UInt8 = 0x02
private let ack: UInt8 = 0x10
private let reset: UInt8 = 0x04

/// A translation with one node port that always draws the last of its servers.
private struct Translator {
    var translation = NodePortTranslation()
    var now: Int64 = 0
    var drawn = 1

    init() {
        translation.add(.init(servers: [0, 1], serverPort: 7222), at: nodePort)
    }

    /// The ends of the packet afterwards, or `nil` when it was dropped.
    mutating func send(_ bytes: [UInt8], from sender: Int = 2) throws -> (EndPoint, EndPoint)? {
        var bytes = bytes
        let outcome = try bytes.withUnsafeMutableBytes { buffer in
            var packet = try #require(IPv4Packet(buffer))
            return translation.rewrite(
                &packet, from: sender, now: now, address: { servers[$0] }, choose: { $0[drawn] })
        }
        if outcome == .dropped { return nil }
        #expect(sum(Array(bytes[..<20])) == 0xFFFF)
        #expect(sum(Array(bytes[20...]), from: pseudoHeader(bytes)) == 0xFFFF)
        let ends = try bytes.withUnsafeMutableBytes { try #require(IPv4Packet($0)?.tcpEnds) }
        return (ends.source, ends.destination)
    }
}

@Test func aConnectionIsTranslatedBothWays() throws {
    var translator = Translator()
    #expect(try #require(try translator.send(packet(client, nodePort, flags: syn))) == (client, secondServer))
    let answer = packet(secondServer, client, flags: syn | ack)
    #expect(try #require(try translator.send(answer, from: 1)) == (nodePort, client))
    // Odd, so that the last byte is half a word of the sum.
    let data = packet(client, nodePort, flags: ack, payload: [1, 2, 3, 0xFF, 0xFE])
    #expect(try #require(try translator.send(data)) == (client, secondServer))
}

@Test func aConnectionStaysWithItsServer() throws {
    var translator = Translator()
    _ = try translator.send(packet(client, nodePort, flags: syn))
    translator.drawn = 0
    // A repeated SYN is still the same connection.
    #expect(try #require(try translator.send(packet(client, nodePort, flags: syn))) == (client, secondServer))
    #expect(try #require(try translator.send(packet(client, nodePort, flags: reset))) == (client, secondServer))
    // After its end the port may be used again.
    let firstServer = EndPoint(address: servers[0], port: 7222)
    #expect(try #require(try translator.send(packet(client, nodePort, flags: syn))) == (client, firstServer))
}

@Test func packetsOfNoConnectionAreDropped() throws {
    var translator = Translator()
    #expect(try translator.send(packet(client, nodePort, flags: ack)) == nil)
}

@Test func otherPacketsAreUntouched() throws {
    var translator = Translator()
    #expect(try #require(try translator.send(packet(client, secondServer, flags: syn))) == (client, secondServer))
}

@Test func aServerThatDrawsItselfSeesTheNodePort() throws {
    var translator = Translator()
    let itself = EndPoint(address: servers[1], port: 41_000)
    let masked = EndPoint(address: nodePort.address, port: 41_000)
    #expect(try #require(try translator.send(packet(itself, nodePort, flags: syn), from: 1)) == (masked, secondServer))
    let answer = packet(secondServer, masked, flags: syn | ack)
    #expect(try #require(try translator.send(answer, from: 1)) == (nodePort, itself))
}

@Test func aFullTableForgetsOnlyWhatIsOver() throws {
    var translator = Translator()
    func peer(_ number: Int) -> EndPoint {
        EndPoint(address: Address(10, 2, 1, UInt8(1 + number / 50_000)), port: UInt16(1 + number % 50_000))
    }
    for number in 0..<16_384 {
        #expect(try translator.send(packet(peer(number), nodePort, flags: syn)) != nil)
    }
    #expect(try translator.send(packet(peer(16_384), nodePort, flags: syn)) == nil)
    #expect(try translator.send(packet(peer(7), nodePort, flags: reset)) != nil)
    #expect(try translator.send(packet(peer(16_384), nodePort, flags: syn)) != nil)
    #expect(try translator.send(packet(peer(7), nodePort, flags: ack)) == nil)
    #expect(try translator.send(packet(peer(8), nodePort, flags: ack)) != nil)
    // All but one are silent for too long.
    translator.now = 200_000_000_000
    #expect(try translator.send(packet(peer(8), nodePort, flags: ack)) != nil)
    translator.now = 400_000_000_000
    #expect(try translator.send(packet(peer(16_385), nodePort, flags: syn)) != nil)
    #expect(try translator.send(packet(peer(8), nodePort, flags: ack)) != nil)
    #expect(try translator.send(packet(peer(9), nodePort, flags: ack)) == nil)
}

@Test(arguments: [0, 1, 19, 39, 41]) func whatIsNoWholePacketIsNotRead(_ count: Int) {
    var bytes = Array((packet(client, nodePort, flags: syn) + [0]).prefix(count))
    bytes.withUnsafeMutableBytes { #expect(IPv4Packet($0) == nil) }
}

@Test func aHeaderLongerThanItsPacketIsNotRead() {
    var bytes = packet(client, nodePort, flags: syn)
    bytes[0] = 0x4F
    bytes.withUnsafeMutableBytes { #expect(IPv4Packet($0) == nil) }
    bytes[0] = 0x65
    bytes.withUnsafeMutableBytes { #expect(IPv4Packet($0) == nil) }
}
