struct LinkProxy: LinkCarrier {
    init(_ plan: AddressPlan, clock: (Int) -> LinkClock) throws(FabricError) {}
    func change(from: Int, to: Int, _ body: (inout LinkState) -> Void) {}
    var traffic: FabricTraffic { FabricTraffic() }
    func resetTraffic() {}
    func end() {}
}
