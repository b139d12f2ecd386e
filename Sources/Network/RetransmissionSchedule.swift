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
    /// segment: measured 20 ms on Linux 6.18 at 50 writes a second, none at 5 and at 1,000.
    public static var acknowledgementDelay: SimDuration { .milliseconds(20) }
    /// No acknowledgement waits longer: Linux include/net/tcp.h, TCP_DELACK_MIN.
    public static var longestAcknowledgementDelay: SimDuration { .milliseconds(40) }

    /// The same for a sender that writes at this distance.
    public static func acknowledgementDelay(writeGap: SimDuration) -> SimDuration {
        writeGap < longestAcknowledgementDelay ? min(writeGap, acknowledgementDelay) : .zero
    }

    /// The timeout of a sender that has heard few answers: its estimate of the variation, half a round trip at first,
    /// has come down by one quarter (RFC 6298 section 2). Measured on connections with pings only: 2.4 round trips.
    public static func quietTimeout(roundTrip: SimDuration) -> SimDuration {
        max(roundTrip * 5 / 2, timeout(roundTrip: roundTrip))
    }

    /// The tail loss probe: two round trips after the last new segment, but no later than the first unanswered
    /// segment's timeout as long as that lies ahead when new segments are sent (Linux tcp_schedule_loss_probe, RFC 8985
    /// section 7.2).
    ///
    /// - Parameters:
    ///   - firstUnanswered: when the oldest segment without an answer was sent.
    ///   - lastSent: when the last new one was; not before.
    ///   - roundTrip: as the sender has measured it, with what acknowledgements wait.
    public static func probe(
        firstUnanswered: SimTime, lastSent: SimTime, roundTrip: SimDuration, timeout: SimDuration
    ) -> SimTime {
        let late = lastSent + roundTrip * 2
        let bound = firstUnanswered + timeout
        return lastSent < bound ? min(late, bound) : late
    }

    /// The first attempt of a stalled connection that gets through and is answered.
    ///
    /// The attempts are the probe, then a timeout after it, then ever the double of that.
    /// - Parameters:
    ///   - timeout: the first one.
    ///   - bits: random ones, for what the kernel's timers are late.
    ///   - passes: whether what is sent then arrives, and its acknowledgement too.
    /// - Returns: its time, and whether it is the probe; `nil` if the kernel gives the connection up before.
    public static func firstPassing(
        probe: SimTime, timeout: SimDuration, bits: UInt64, passes: (SimTime) -> Bool
    ) -> (time: SimTime, isProbe: Bool)? {
        if passes(probe) { return (probe, true) }
        var timeout = timeout
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
    /// Linux reschedules the probe with each new segment as long as the window has room. Measured at 234 ms with five
    /// segments a second: the last one that counts is sent 1.2 s after the first, whatever the window has room for.
    public static func latestNew(firstUnanswered: SimTime, roundTrip: SimDuration) -> SimTime {
        firstUnanswered + roundTrip * 5
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
