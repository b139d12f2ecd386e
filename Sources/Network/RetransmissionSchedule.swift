public import EventKernel
import RandomVariates

/// When a TCP sender repeats a segment that a cut swallowed.
///
/// The timeout is the round trip plus Linux's floor of 200 ms for four times the variation (`tcp_rto_min`; RFC 6298
/// section 2 gives SRTT + 4 RTTVAR), doubles after each repeat and stays at 120 s (`TCP_RTO_MAX`).
public enum RetransmissionSchedule {
    /// Linux include/net/tcp.h, TCP_RTO_MIN.
    public static var variationFloor: SimDuration { .milliseconds(200) }
    /// Linux include/net/tcp.h, TCP_RTO_MAX.
    public static var longestTimeout: SimDuration { .seconds(120) }
    /// Linux Documentation/networking/ip-sysctl.rst, tcp_retries2 = 15: no repeat is made from here on.
    public static var lifetime: SimDuration { .milliseconds(924_600) }

    /// The timeout of the first repeat: 434 ms at a round trip of 234 ms.
    public static func timeout(roundTrip: SimDuration) -> SimDuration {
        min(roundTrip + variationFloor, longestTimeout)
    }

    /// The first repeat at or after `heal` of a segment sent at `cutAt` and never acknowledged: the instant at which
    /// a connection moves again after a cut.
    ///
    /// - Returns: `.never` when the kernel has given the connection up by then.
    public static func firstRetransmission(
        notBefore heal: SimTime, cutAt: SimTime, roundTrip: SimDuration
    ) -> SimTime {
        guard heal < .never else { return .never }
        var timeout = timeout(roundTrip: roundTrip)
        var instant = cutAt + timeout
        while instant < heal {
            timeout = min(timeout * 2, longestTimeout)
            instant = instant + timeout
            if instant - cutAt >= lifetime { return .never }
        }
        return instant
    }

    /// How much a sender's estimate of the round trip exceeds the link's, by acknowledgements that wait for a second
    /// segment. Measured: 0 to 16 ms on Linux 6.18 at 50 writes a second.
    public static var acknowledgementDelay: SimDuration { .milliseconds(16) }

    /// The tail loss probe: two round trips after the last new segment (Linux tcp_schedule_loss_probe, RFC 8985
    /// section 7.2).
    public static func probe(after lastSent: SimTime, roundTrip: SimDuration) -> SimTime {
        lastSent + (roundTrip + acknowledgementDelay) * 2
    }

    /// The first attempt of a stalled connection that gets through and is answered.
    ///
    /// The attempts are the probe, then a timeout after it, then ever the double of that.
    /// - Parameters:
    ///   - bits: random ones, for what the kernel's timers are late.
    ///   - passes: whether what is sent then arrives, and its acknowledgement too.
    /// - Returns: its time, and whether it is the probe; `nil` if the kernel gives the connection up before.
    public static func firstPassing(
        probe: SimTime, roundTrip: SimDuration, bits: UInt64, passes: (SimTime) -> Bool
    ) -> (time: SimTime, isProbe: Bool)? {
        if passes(probe) { return (probe, true) }
        var timeout = timeout(roundTrip: roundTrip + acknowledgementDelay)
        var bits = mix64(bits)
        var instant = probe + timeout + timerLateness(of: timeout, bits: bits)
        while instant - probe < lifetime {
            if passes(instant) { return (instant, false) }
            timeout = min(timeout * 2, longestTimeout)
            bits = mix64(bits)
            instant = instant + timeout + timerLateness(of: timeout, bits: bits)
        }
        return nil
    }

    /// How much later than due a timer of Linux fires.
    ///
    /// Timers lie in a wheel whose steps grow with the delay: one tick up to 63 of them, then eight times more for each
    /// eightfold delay (kernel/time/timer.c). With 250 ticks a second, as distributions build it, a timeout of 7 s is
    /// up to 0.26 s late and one of 28 s up to 2 s.
    public static func timerLateness(of delay: SimDuration, bits: UInt64) -> SimDuration {
        let tick: Int64 = 4_000_000
        var step = tick
        while delay.nanoseconds >= 63 * step { step *= 8 }
        return SimDuration(nanoseconds: Int64(UInt64(step).multipliedFullWidth(by: bits).high))
    }

    /// Later than this after the first segment without answer, new ones do not put off the probe any more.
    ///
    /// Linux reschedules the probe with each new segment, but bounds it by the first one's timeout. That leaves 0.3 to
    /// 0.8 s of what was measured after cuts (docs/models/gateways.md); three round trips at 234 ms are 0.7 s.
    public static func latestNew(firstUnanswered: SimTime, roundTrip: SimDuration) -> SimTime {
        firstUnanswered + roundTrip * 3
    }

    /// When the kernel gives up a connection that hears nothing after `cutAt`.
    public static func givesUp(cutAt: SimTime, roundTrip: SimDuration) -> SimTime {
        var timeout = timeout(roundTrip: roundTrip)
        var elapsed = timeout
        while elapsed < lifetime {
            timeout = min(timeout * 2, longestTimeout)
            elapsed = elapsed + timeout
        }
        return cutAt + elapsed
    }
}
