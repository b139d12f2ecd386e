import EventKernel
import Network
import Scenario

extension Step {
    /// The step as one line for people; long blocks are cut.
    public var summary: String {
        switch kind {
        case .together(let actions, _):
            let shown = actions.prefix(3).map(\.summary).joined(separator: ", then ")
            return actions.count > 3 ? shown + ", and \(actions.count - 3) more" : shown
        case .check: return "check the connections"
        case .wait(let duration): return "wait \(UnitFormat.duration(duration.nanoseconds))"
        case .steer(let question): return "steer a client of \(question.region) by \(question.mode.rawValue)"
        }
    }
}

extension Action {
    /// The action as a few words: `ann publishes to orders.new 100 times`.
    public var summary: String {
        switch self {
        case .connect(let client): "\(client.name) connects to \(client.server)"
        case .disconnect(let client): "\(client) disconnects"
        case .subscribe(let subscribe):
            "\(subscribe.client) subscribes to \(subscribe.subject)"
                + (subscribe.queue.map { " in group \($0)" } ?? "")
        case .unsubscribe(let client, let label, let maximum):
            "\(client) unsubscribes from \(label)" + (maximum.map { " after \($0)" } ?? "")
        case .publish(let publish):
            "\(publish.client) \(publish.isRequest ? "requests from" : "publishes to") \(publish.subject)"
                + (publish.times > 1 ? " \(publish.times) times" : "")
        case .kill(let server): "\(server) is killed"
        case .stop(let server): "\(server) stops"
        case .lameDuck(let server): "\(server) becomes a lame duck"
        case .start(let server): "\(server) starts"
        case .cut(let from, let to, let both): "packets from \(from) to \(to) vanish" + (both ? ", both ways" : "")
        case .heal(let from, let to, let both): "packets from \(from) to \(to) pass" + (both ? ", both ways" : "")
        }
    }
}

/// `3` or `0..5`.
func copiesText(_ range: ClosedRange<Int>) -> String {
    range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound)..\(range.upperBound)"
}
