public import EventKernel
public import Parameters

/// What a participant sends.
public struct MediaParameters: Hashable, Sendable {
    public var microphoneOn = 1.0
    public var cameraOn = 0.8
    public var audioRate = 50.0
    public var audioSize: Int64 = 190
    public var videoRate = 30.0
    public var videoSize: Int64 = 1_250
    public var keyFrameInterval = SimDuration.seconds(5)
    public var keyFrameRatio = 7.0
    public var heartbeatInterval = SimDuration.seconds(5)
    public var heartbeatSize: Int64 = 84
    public var diagnosticsInterval = SimDuration.milliseconds(500)
    public var diagnosticsSize: Int64 = 108
    public var diagnostics = true

    public init() {}
}

extension MediaParameters: Parameterised {
    public static var section: String { "media" }

    public static var parameters: [Parameter<MediaParameters>] {
        let quality = "videocall-rs videocall-client/src/adaptive_quality_constants.rs"
        return [
            Parameter(
                "microphone-on", .share(\.microphoneOn), 0...1, "Share of people whose microphone is on.",
                source: "estimate", .assumption),
            Parameter(
                "camera-on", .share(\.cameraOn), 0...1, "Share of people whose camera is on.", source: "estimate",
                .assumption),
            Parameter(
                "audio-rate", .rate(\.audioRate), 1...1000, "Audio packets a second (20 ms of Opus each).",
                source: quality + ":193", .measured),
            Parameter(
                "audio-size", .size(\.audioSize), 1...65_000, "Bytes of an audio packet on the wire.",
                source: "computed from microphone_encoder.rs:109 at 50 kbit/s", .derived),
            Parameter(
                "video-rate", .rate(\.videoRate), 1...240, "Video frames a second.",
                source: "videocall-rs camera_encoder.rs:613: the tier does not throttle the rate", .measured),
            Parameter(
                "video-size", .size(\.videoSize), 1...900_000, "Mean bytes of a video frame that is no key frame.",
                source: quality + ":76, 300 kbit/s at 30 fps", .derived),
            Parameter(
                "key-frame-interval", .duration(\.keyFrameInterval), 1e8...1e12, "Interval of periodic key frames.",
                source: quality + ":76", .measured),
            Parameter(
                "key-frame-ratio", .number(\.keyFrameRatio), 1...100, "Size of a key frame over that of another frame.",
                source: "videocall-rs actix-api/src/constants.rs:67 (5 to 10)", .measured),
            Parameter(
                "heartbeat-interval", .duration(\.heartbeatInterval), 1e8...1e12, "Interval of heartbeats to the room.",
                source: quality + ":387", .measured),
            Parameter(
                "heartbeat-size", .size(\.heartbeatSize), 1...65_000, "Bytes of a heartbeat.",
                source: "computed from encode/transform.rs", .derived),
            Parameter(
                "diagnostics-interval", .duration(\.diagnosticsInterval), 1e7...1e12,
                "Interval at which a participant reports on each peer and media type to the whole room.",
                source: "videocall-rs diagnostics_manager.rs:277", .measured),
            Parameter(
                "diagnostics-size", .size(\.diagnosticsSize), 1...65_000, "Bytes of one diagnostics packet.",
                source: "computed from diagnostics_packet.proto", .derived),
            Parameter(
                "diagnostics", .flag(\.diagnostics), 0...1, "Whether diagnostics are sent.",
                source: "videocall-rs diagnostics_manager.rs", .measured),
        ]
    }
}
