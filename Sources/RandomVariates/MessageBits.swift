/// The finaliser of splitmix64: a bijection of 64 bits in which each input bit moves about half of the output bits.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014), with the constants
/// of Stafford's variant 13 as in Vigna's public-domain `splitmix64.c`.
@inlinable
public func mix64(_ word: UInt64) -> UInt64 {
    var state = word
    state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
    return state ^ (state >> 31)
}

/// The 64-bit key of a seed and a purpose. For one seed no two purposes share a key.
@inlinable
func streamKey(seed: UInt64, purpose: Purpose) -> UInt64 {
    // 2⁶⁴ divided by the golden ratio, odd: a bijection of the purpose.
    mix64(mix64(seed) ^ UInt64(purpose.rawValue) &* 0x9E37_79B9_7F4A_7C15)
}

/// The 64-bit key under which an entity's per-message draws are made, by one Philox block.
///
/// It uses the last counter of the entity's ``RandomStream``, which that stream never reaches.
@inlinable
public func entityKey(seed: UInt64, purpose: Purpose, replication: UInt32, entity: UInt64) -> UInt64 {
    precondition(entity < 1 << 48, "an entity is numbered by 48 bits")
    let lastDraw: UInt64 = 1 << 48 - 1
    return Philox4x32.block(
        low: lastDraw | entity << 48, high: entity >> 16 | UInt64(replication) << 32,
        key: streamKey(seed: seed, purpose: purpose)
    ).0
}

/// 64 random bits for one message on one leg of its way.
///
/// They are keyed by what the message *is* and never by a running count: a lost message shifts no later draw.
/// `entityKey` comes from ``entityKey(seed:purpose:replication:entity:)``; `sender` and `sequence` name the message,
/// `leg` the receiver or hop. Two messages under one key and leg never share their bits, since the mapping is a
/// bijection; its quality over draws, senders, legs and strides is tested with a broken hash as the control.
@inlinable
public func messageBits(_ entityKey: UInt64, sender: UInt32, sequence: UInt32, leg: UInt32) -> UInt64 {
    messageBits(entityKey, message: messageWord(sender: sender, sequence: sequence), leg: leg)
}

/// The part of ``messageBits(_:sender:sequence:leg:)`` that all copies of a message have in common.
@inlinable
public func messageWord(sender: UInt32, sequence: UInt32) -> UInt64 {
    mix64(UInt64(sender) << 32 | UInt64(sequence))
}

/// ``messageBits(_:sender:sequence:leg:)`` for a message whose word is known.
@inlinable
public func messageBits(_ entityKey: UInt64, message: UInt64, leg: UInt32) -> UInt64 {
    mix64(message ^ (entityKey &+ UInt64(leg) &* 0x9E37_79B9_7F4A_7C15))
}

/// Random bits as a number strictly between 0 and 1: 52 bits and a half.
///
/// With 53 bits the largest value, plus its half, would round to 1.
@inlinable
public func unitInterval(_ bits: UInt64) -> Double {
    (Double(bits >> 12) + 0.5) * 0x1p-52
}
