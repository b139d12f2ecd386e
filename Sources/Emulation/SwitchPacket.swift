/// A view of an IPv4 packet in a buffer that somebody else owns.
struct IPv4Packet {
    let bytes: UnsafeMutableRawBufferPointer

    /// `nil` for what is not a whole IPv4 packet.
    init?(_ bytes: UnsafeMutableRawBufferPointer) {
        guard bytes.count >= 20, bytes[0] >> 4 == 4 else { return nil }
        self.bytes = bytes
        guard headerLength >= 20, headerLength <= bytes.count, short(2) == bytes.count else { return nil }
    }

    var source: Address { Address(rawValue: long(12)) }
    var destination: Address { Address(rawValue: long(16)) }

    /// `nil` when it is not TCP, or not the first fragment.
    var tcpEnds: NodePortTranslation.Ends? {
        guard bytes[9] == 6, short(6) & 0x1FFF == 0, bytes.count >= headerLength + 20 else { return nil }
        return NodePortTranslation.Ends(
            source: .init(address: source, port: short(headerLength)),
            destination: .init(address: destination, port: short(headerLength + 2)))
    }

    /// Whether it is the first packet of a TCP connection: SYN without ACK.
    var opensConnection: Bool { tcpFlags & 0x12 == 0x02 }
    /// FIN or RST.
    var endsConnection: Bool { tcpFlags & 0x05 != 0 }

    /// Gives a TCP packet other addresses and ports, and keeps its checksums right.
    mutating func setTCPEnds(_ ends: NodePortTranslation.Ends) {
        let old = [12, 14, 16, 18].map(short)
        let oldPorts = [headerLength, headerLength + 2].map(short)
        setLong(12, ends.source.address.rawValue)
        setLong(16, ends.destination.address.rawValue)
        setShort(headerLength, ends.source.port)
        setShort(headerLength + 2, ends.destination.port)
        let new = [12, 14, 16, 18].map(short)
        let newPorts = [headerLength, headerLength + 2].map(short)
        amendChecksum(10, old, new)
        // The addresses are part of TCP's sum too.
        amendChecksum(headerLength + 16, old + oldPorts, new + newPorts)
    }

    private var headerLength: Int { Int(bytes[0] & 0x0F) * 4 }
    private var tcpFlags: UInt8 { bytes[headerLength + 13] }

    /// Equation 3 of RFC 1624.
    private func amendChecksum(_ offset: Int, _ old: [UInt16], _ new: [UInt16]) {
        var sum = UInt32(~short(offset))
        for word in old { sum += UInt32(~word) }
        for word in new { sum += UInt32(word) }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        setShort(offset, ~UInt16(sum))
    }

    private func short(_ offset: Int) -> UInt16 {
        UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    private func long(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    private func setShort(_ offset: Int, _ value: UInt16) {
        bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    private func setLong(_ offset: Int, _ value: UInt32) {
        bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }
}
