/// A system that reacts to its own events.
public protocol Model: ~Copyable {
    /// What can happen: a small closed value, best an enum.
    associatedtype Event: BitwiseCopyable & Sendable

    /// Reacts to one event at `calendar.now`; schedules what follows from it.
    mutating func handle(_ event: Event, _ calendar: inout EventCalendar<Event>)
}

/// Runs a model on its calendar, one event at a time, in the order (time, order of scheduling).
@frozen
public struct Engine<M: Model & ~Copyable>: ~Copyable {
    /// The system under study.
    public var model: M
    /// Its pending events and its clock.
    public var calendar: EventCalendar<M.Event>
    /// Events handled so far.
    public var eventCount: UInt64

    /// Makes an engine whose clock stands at the start of the run.
    @inlinable
    public init(_ model: consuming M, limit: Int, instantLimit: Int) {
        self.model = model
        calendar = EventCalendar(limit: limit, instantLimit: instantLimit)
        eventCount = 0
    }

    /// Handles every event that is strictly before `horizon` and then sets the clock to it.
    ///
    /// The horizon is open, so that consecutive runs share no instant: running to 1 s and then to 2 s is running
    /// to 2 s, and an event at 2 s belongs to what follows. `.never` runs until the calendar is empty and leaves the
    /// clock at the last event.
    /// - Throws: ``InstantLimitError`` when simulated time stands still.
    @inlinable
    public mutating func run(until horizon: SimTime) throws(InstantLimitError) {
        while let event = try calendar.popNext(before: horizon) {
            eventCount += 1
            model.handle(event, &calendar)
        }
        if horizon < .never { calendar.advance(to: horizon) }
    }
}
