import EventKernel
import Measures
import Testing

@Test func namesOfCausesAreDistinct() {
    #expect(Set(LossCause.allCases.map(\.name)).count == LossCause.allCases.count)
}

@Test func namesOfResponsesAreDistinct() {
    #expect(Set(ResponseCatalogue.all.map(\.name)).count == ResponseCatalogue.all.count)
}

@Test func lossResponsesReplaceSpacesByHyphens() {
    #expect(ResponseCatalogue.lossName(.gatewayClosedWithBacklog) == "lost.gateway-closed-with-backlog")
}

@Test func deliveryResponsesAreFoundByName() {
    let name = ResponseCatalogue.deliveryName("audio", path: .crossRegion, phase: .during, bound: .within400ms)
    #expect(name == "delivery.audio.cross-region.during.400ms")
    #expect(ResponseCatalogue.definition(named: name)?.unit == "share")
    #expect(ResponseCatalogue.definition(named: "delivery.audio.nowhere") == nil)
}

@Test func boundsRiseAndTheLastHasNoLimit() {
    #expect(LatencyBound.allCases.map { $0.limit?.milliseconds } == [150, 400, 1_000, nil])
}
