import CallModel
import EventKernel
import Measures

/// What `explain` tells of losses: one story for each receiver, sender and cause.
struct LossStories {
    private var stories: [Key: Story] = [:]

    private struct Key: Hashable {
        var room: Int32
        var receiver: Int32
        var sender: Int32
        var cause: LossCause
    }

    private struct Story {
        var time: Int64
        var last: Int64
        var pairs: Int64
    }

    /// Adds a run of messages that were captured from `captured` to `ended`.
    mutating func add(
        _ pairs: Int64, _ cause: LossCause, receiver: Int, sender: Int, captured: Int64, ended: Int64, _ world: World
    ) {
        let key = Key(
            room: world.people[receiver].room, receiver: Int32(receiver), sender: Int32(sender), cause: cause)
        var story = stories[key] ?? Story(time: captured, last: ended, pairs: 0)
        story.pairs += pairs
        story.time = min(story.time, captured)
        story.last = max(story.last, ended)
        stories[key] = story
    }

    /// Writes them down in the order of rooms and people.
    func tell(to journal: inout Journal, _ world: World) {
        let ordered = stories.sorted {
            let a = $0.key
            let b = $1.key
            return (a.room, a.receiver, a.sender, a.cause.rawValue) < (b.room, b.receiver, b.sender, b.cause.rawValue)
        }
        for (key, story) in ordered {
            let tenths = Int(Double(story.last - story.time) / 1e9 * 10)
            journal.add(
                story.time, room: Int(key.room), subject: world.people[Int(key.receiver)].identity,
                "misses \(world.people[Int(key.sender)].identity) over \(tenths / 10).\(tenths % 10) s: "
                    + key.cause.name,
                cause: key.cause, pairs: story.pairs)
        }
    }
}
