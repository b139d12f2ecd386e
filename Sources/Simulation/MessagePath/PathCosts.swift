import CallModel
import EventKernel
import Measures
import NATSModel
import Scenario

/// What every message asks of the settings: plain numbers in one piece, read without a walk through the scenario.
///
/// All times in nanoseconds.
struct PathCosts: BitwiseCopyable {
    let routeHop: Int64
    let serverHop: Int64
    let messageCost: Int64
    let copyCost: Int64
    let inboundKilobyte: Int64
    let outboundKilobyte: Int64
    let wakeUpLatency: Int64
    let publishCost: Int64
    let deliveryCost: Int64
    let mailbox: Int32
    let maximumPayload: Int64
    /// No site ever drops packets.
    let sitesAreOpen: Bool
    /// Sizes in units of 16 bytes.
    private let audioUnits, videoUnits, heartbeatUnits, diagnosticsUnits: UInt16
    let keyFrameUnits: UInt16
    let framesPerKeyFrame: UInt32

    init(_ world: World) {
        let nats = world.nats
        let relay = world.relay
        routeHop = nats.routeHop.nanoseconds
        serverHop = relay.serverHop.nanoseconds
        messageCost = nats.messageCost.nanoseconds
        copyCost = nats.deliveryCost.nanoseconds
        inboundKilobyte = nats.inboundKilobyteCost.nanoseconds
        outboundKilobyte = nats.outboundKilobyteCost.nanoseconds
        wakeUpLatency = nats.wakeUpLatency.nanoseconds
        publishCost = relay.publishCost.nanoseconds
        deliveryCost = relay.deliveryCost.nanoseconds
        mailbox = Int32(clamping: relay.mailbox)
        maximumPayload = relay.maximumPayload
        sitesAreOpen = world.sites.isAlwaysOpen
        audioUnits = world.streams.audioUnits
        videoUnits = world.streams.videoUnits
        heartbeatUnits = world.streams.heartbeatUnits
        diagnosticsUnits = world.streams.diagnosticsUnits
        keyFrameUnits = world.streams.keyFrameUnits
        framesPerKeyFrame = world.streams.framesPerKeyFrame
    }

    /// The size of a packet that is no key frame.
    @inline(__always)
    func units(_ kind: Int) -> UInt16 {
        switch kind {
        case StreamKind.audio.rawValue: audioUnits
        case StreamKind.video.rawValue: videoUnits
        case StreamKind.heartbeat.rawValue: heartbeatUnits
        default: diagnosticsUnits
        }
    }

    /// CPU time of a server for one message and its copies.
    @inline(__always)
    func service(bytes: Int64, copies: Int64) -> Int64 {
        messageCost &+ (bytes &* inboundKilobyte) &>> 10
            &+ copies &* (copyCost &+ (bytes &* outboundKilobyte) &>> 10)
    }
}

/// Where a relay is, without its name.
struct RelayAddress: BitwiseCopyable {
    var region: Int32
    /// Index among the relays of its region.
    var local: Int32
    var isWebSocket: Bool
}
