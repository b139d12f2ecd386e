import EventKernel
import Measures
import Scenario

/// The responses of each server, and what only scenarios with raw publishers have: those of each stream and gateway.
extension OutcomeBuilder {
    mutating func addPublisherResponses(_ domains: borrowing Table<Domain>) {
        if !world.scenario.publishers.isEmpty {
            addStreams(domains)
            outcome.responses += GatewayEvent.responses(
                gatewayEvents(domains), servers: world.scenario.deployment.gatewayPairs,
                firstFault: world.scenario.firstFault, heal: world.scenario.heal)
        }
        addServers(domains)
    }

    private mutating func addStreams(_ domains: borrowing Table<Domain>) {
        for (index, publisher) in world.scenario.publishers.enumerated() {
            var accounts: [StreamAccount] = []
            for (position, place) in publisher.subscribers.enumerated() {
                let raw = domains[pointer: place.region].pointee.raw
                if let account = raw.account(publisher: index, position: position) { accounts.append(account) }
            }
            outcome.responses += StreamAccount.responses(
                name: publisher.name, published: publisher.published(before: SimTime(nanoseconds: world.horizon)),
                perSecond: publisher.perSecond * Double(publisher.burst), accounts: accounts)
            var latency = IntegerHistogram()
            for account in accounts { latency.merge(account.latency) }
            outcome.histograms.append(
                NamedHistogram(name: "latency.stream.\(publisher.name)", unit: "ns", histogram: latency))
        }
    }

    /// The gateway connections of all servers as they came and went, in order of time.
    private func gatewayEvents(_ domains: borrowing Table<Domain>) -> [GatewayEvent] {
        let regions = world.scenario.deployment.regions
        var events: [GatewayEvent] = []
        for (number, place) in world.servers.enumerated() {
            let server = domains[pointer: place.region].pointee.servers[pointer: place.local]
            // Stable, so that a close and a registration at one instant keep their order.
            let changes = server.pointee.changes.enumerated().sorted {
                ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
            }
            for (_, change) in changes {
                events.append(
                    GatewayEvent(
                        time: SimTime(nanoseconds: change.time), server: world.servers[number].name,
                        region: regions[change.region].name, isOutbound: change.isOutbound,
                        isRegistered: change.isRegistered))
            }
        }
        return events
    }

    private mutating func addServers(_ domains: borrowing Table<Domain>) {
        let horizon = SimTime(nanoseconds: world.horizon)
        let span = world.publishingSpan.map { SimDuration(nanoseconds: $0.upperBound - $0.lowerBound) } ?? .zero
        let publishers = world.scenario.publishers
        let published =
            publishers.isEmpty ? nil : publishers.reduce(Int64(0)) { $0 + $1.published(before: horizon) }
        for (number, place) in world.servers.enumerated() {
            outcome.responses += ServerMeasure.responses(
                server: place.name, busy: cpuTime(of: number, domains), span: span, published: published)
        }
    }

    /// CPU time that a server used while publishers were active.
    private func cpuTime(of server: Int, _ domains: borrowing Table<Domain>) -> SimDuration {
        let place = world.servers[server]
        return SimDuration(nanoseconds: domains[pointer: place.region].pointee.cpuWhilePublishing(server: place.local))
    }
}
