import RandomVariates
import Testing

@testable import Routing

/// FNV-1a.
private func digest(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
}

@Test func theFirstBatchOfASeedIsTheSameEverywhere() {
    #expect(digest(FuzzBatch(seed: 1, index: 0).description) == 5_365_397_983_663_058_134)
}

@Test func aProgramDoesNotDependOnHowManyStandBesideIt() {
    let few = FuzzBatch(seed: 5, index: 3, programs: 2)
    let many = FuzzBatch(seed: 5, index: 3, programs: 30)
    #expect(few.topology == many.topology)
    #expect(few.faults == many.faults)
    #expect(few.programs[1] == many.programs[1])
}

@Test func batchesOfOtherSeedsAndIndicesDiffer() {
    let one = FuzzBatch(seed: 5, index: 0, programs: 1).programs[0].waves
    #expect(FuzzBatch(seed: 6, index: 0, programs: 1).programs[0].waves != one)
    #expect(FuzzBatch(seed: 5, index: 5, programs: 1).programs[0].waves != one)
}

@Test func allActionsOfFiveHundredProgramsCanBePerformed() {
    for index in 0..<10 {
        #expect(FuzzBatch(seed: 77, index: index, programs: 50).problems() == [])
    }
}

@Test func connectionsStayModest() {
    for index in 0..<5 {
        let batch = FuzzBatch(seed: 3, index: index)
        for position in batch.programs.indices {
            #expect((3...5).contains(batch.programs[position].clients.count))
            #expect(FuzzForecast(batch, position).state.clients.count <= 6)
        }
        #expect((1...6).contains(batch.topology.servers.count))
    }
}

@Test func fiveBatchesInARowCoverTheTopologies() {
    let topologies = (0..<5).map { FuzzBatch(seed: 9, index: $0, programs: 1).topology }
    #expect(topologies[0].clusters == ["us", "sgp"])
    #expect(topologies[1].clusters == ["us", "sgp", "fra"])
    #expect(topologies[2].servers.contains { $0.gateway?.remotes.isEmpty == true })
    #expect(topologies[3].clusters.contains { topologies[3].servers(of: $0).count == 1 })
}

@Test func actionsOfDoomedClientsComeBeforeTheFault() {
    let topology = Topology(servers: [ServerSpec(name: "a", cluster: "c"), ServerSpec(name: "b", cluster: "c")])
    let publish = Action.publish(PublishAction(client: "p0c0", subject: "p0.a"))
    func batch(_ actions: [Action]) -> FuzzBatch {
        let program = FuzzProgram(number: 0, clients: [ClientSpec(name: "p0c0", server: "a")], waves: [actions])
        return FuzzBatch(
            seed: 0, index: 0, topology: topology, faults: [[.kill(server: "a")]], programs: [program])
    }
    #expect(batch([publish, publish]).problems() == [])
    #expect(
        batch([publish, publish, publish]).problems() == [
            "p0 wave 0: publish p0c0 to p0.a: p0c0 is not connected"
        ])
    #expect(batch([publish, publish, publish]).repaired() == batch([publish, publish]))
}

@Test func programsTakeTurnsInAWaveAndFaultsFallInBetween() {
    let topology = Topology(servers: [ServerSpec(name: "a", cluster: "c")])
    func publish(_ program: Int, _ subject: String) -> Action {
        .publish(PublishAction(client: "p\(program)c0", subject: subject))
    }
    func program(_ number: Int, _ subjects: [String]) -> FuzzProgram {
        FuzzProgram(number: number, clients: [], waves: [subjects.map { publish(number, $0) }])
    }
    let batch = FuzzBatch(
        seed: 0, index: 0, topology: topology, faults: [[.stop(server: "a")]],
        programs: [program(0, ["x", "y", "z"]), program(1, ["v"])])
    let turns = batch.schedule(0).map { "\($0.program ?? -1) \($0.action.fuzzText)" }
    #expect(
        turns == [
            "0 publish p0c0 to x", "1 publish p1c0 to v", "0 publish p0c0 to y", "-1 stop a", "0 publish p0c0 to z",
        ])
}

@Test func subjectsMatchAsTheProtocolSays() {
    func matches(_ pattern: String, _ subject: String) -> Bool {
        FuzzSubject.matches(FuzzSubject.tokens(pattern), FuzzSubject.tokens(subject))
    }
    #expect(matches("a.b", "a.b"))
    #expect(matches("a.*", "a.b"))
    #expect(matches("a.>", "a.b.c"))
    #expect(!matches("a.>", "a"))
    #expect(!matches("a.*", "a.b.c"))
    #expect(!matches("a", "a.b"))
    #expect(!matches("a.>", "a..b"))
    #expect(!matches("a.>", "a."))
}
