import EventKernel
import Measures

/// What `explain` tells, in the order of time; bounded, and what does not fit is counted.
struct Journal {
    private(set) var entries: [JournalEntry] = []
    private(set) var notKept: Int64 = 0
    let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func add(
        _ time: Int64, room: Int, subject: String, _ text: @autoclosure () -> String, cause: LossCause? = nil,
        pairs: Int64 = 0
    ) {
        guard entries.count < limit else {
            notKept += 1
            return
        }
        entries.append(
            JournalEntry(
                time: SimTime(nanoseconds: time), call: Int32(room), subject: subject, text: text(), cause: cause,
                pairs: pairs))
    }
}
