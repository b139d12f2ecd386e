import EventKernel

extension RoutingCase {
    /// Whether packets must take time or vanish, which servers on plain loopback addresses cannot be made to see.
    public var needsNetwork: Bool {
        topology.delays.contains { $0.oneWay > .zero }
            || steps.contains { step in
                guard case .together(let actions, _) = step.kind else { return false }
                return actions.contains { action in
                    switch action {
                    case .cut, .heal: true
                    default: false
                    }
                }
            }
    }
}

extension ServerSpec {
    /// `cluster.name`: nats-server refuses to start if it differs from `gateway.name`, so the gateway's name decides.
    public var clusterName: String { gateway?.name ?? cluster }
}
