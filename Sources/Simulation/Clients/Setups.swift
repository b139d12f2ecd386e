import CallModel
import EventKernel
import Measures
import Scenario

/// The clocks of call setups: one for each (joiner, sending peer).
extension Domain {
    /// Prepares what a person will know of each peer: entitlement, and the clock of the first setup.
    mutating func preparePairs(of person: Int) {
        let own = world.people[person]
        for sender in world.rooms[Int(own.room)].people {
            var state = PairState()
            state.isWithinRegion = world.path(sender, person) == .sameRegion
            state.isSilent = !world.traits[sender].hasMicrophone
            let peer = world.people[sender]
            let overlap = max(own.join.nanoseconds, peer.join.nanoseconds)
            let meets = overlap < min(own.leave.nanoseconds, peer.leave.nanoseconds)
            let isRunning = own.isInProgress && peer.isInProgress && world.scenario.initial == .steady
            if sender != person && meets && !isRunning && overlap < world.horizon && (peer.microphone || peer.camera) {
                state.setupStart = max(0, max(own.join.nanoseconds, world.firstCapture(of: sender)))
            }
            for kind in StreamKind.allCases {
                let stream = sender * StreamKind.count + kind.rawValue
                let first =
                    world.streams.schedules[stream] == nil
                    ? 0 : world.streams.firstSequence(stream, notBefore: max(0, own.join.nanoseconds))
                state[kind] = ReceptionWindow(first: first)
            }
            pairs.append(state)
        }
    }

    mutating func finishSetupIfComplete(_ pair: Int, _ person: Int, _ sender: Int) {
        let state = pairs[pointer: pair].pointee
        let peer = world.people[sender]
        guard !peer.microphone || state.audioReady >= 0, !peer.camera || state.videoReady >= 0 else { return }
        recordSetup(pair, person, sender, isCensored: false)
    }

    /// A lost session starts new clocks, from the moment the media stopped. A first setup still under way goes on.
    mutating func restartSetups(of person: Int, brokenAt: Int64) {
        let own = world.people[person]
        for sender in world.rooms[Int(own.room)].people where sender != person {
            let pair = world.pair(receiver: person, sender: sender)
            let peer = world.people[sender]
            guard peer.join.nanoseconds <= brokenAt, peer.leave.nanoseconds > brokenAt,
                peer.microphone || peer.camera
            else { continue }
            let state = pairs[pointer: pair].pointee
            if state.setupStart >= 0 {
                guard state.audioReady >= 0 || state.isReconnect else { continue }
                recordSetup(pair, person, sender, isCensored: state.audioReady < 0)
            }
            pairs[pointer: pair].pointee.setupStart = brokenAt
            pairs[pointer: pair].pointee.isReconnect = true
            pairs[pointer: pair].pointee.firstPacket = -1
            pairs[pointer: pair].pointee.audioReady = -1
            pairs[pointer: pair].pointee.videoReady = -1
            pairs[pointer: pair].pointee.chain = KeyFrameChain()
        }
    }

    /// Ends the clocks of somebody who leaves: theirs, and those of others who waited for them.
    mutating func closeSetups(of person: Int, at time: Int64) {
        for sender in world.rooms[Int(world.people[person].room)].people where sender != person {
            let pair = world.pair(receiver: person, sender: sender)
            if pairs[pointer: pair].pointee.setupStart >= 0 {
                recordSetup(pair, person, sender, isCensored: true)
            }
        }
    }

    /// Ends all clocks at the horizon. Whoever gave up is not censored: that setup never succeeds.
    mutating func closeAllSetups() {
        for person in world.people.indices where world.people[person].region == region {
            let gaveUp = people[pointer: person].pointee.phase == .gaveUp
            for sender in world.rooms[Int(world.people[person].room)].people where sender != person {
                let pair = world.pair(receiver: person, sender: sender)
                guard pairs[pointer: pair].pointee.setupStart >= 0,
                    pairs[pointer: pair].pointee.setupStart < world.horizon
                else { continue }
                recordSetup(pair, person, sender, isCensored: !gaveUp)
            }
        }
    }

    /// Writes the record of a setup and stops its clock.
    private mutating func recordSetup(_ pair: Int, _ person: Int, _ sender: Int, isCensored: Bool) {
        let state = pairs[pointer: pair].pointee
        let own = world.people[person]
        let peer = world.people[sender]
        let client = people[pointer: person]
        let start = state.setupStart
        func since(_ time: Int64) -> SimDuration? {
            time < 0 ? nil : SimDuration(nanoseconds: max(0, time - start))
        }
        let stages = client.pointee.stages
        var passed = [SimDuration?](repeating: nil, count: SetupStage.allCases.count)
        passed[Int(SetupStage.resolve.rawValue)] = since(stages.resolved)
        passed[Int(SetupStage.token.rawValue)] = state.isReconnect ? nil : since(stages.token)
        passed[Int(SetupStage.connect.rawValue)] = since(stages.opened)
        passed[Int(SetupStage.elect.rawValue)] = since(stages.elected)
        passed[Int(SetupStage.interest.rawValue)] =
            stages.opened < 0 ? nil : since(stages.opened + world.interestDelay(own.region, peer.region))
        passed[Int(SetupStage.firstPacket.rawValue)] = since(state.firstPacket)
        passed[Int(SetupStage.playable.rawValue)] = since(state.audioReady)
        let hasAudio = !peer.microphone || state.audioReady >= 0
        let record = SetupRecord(
            joiner: own.identity, peer: peer.identity, call: own.room,
            joinerRegion: world.scenario.deployment.regions[own.region].name,
            peerRegion: world.scenario.deployment.regions[peer.region].name, isReconnect: state.isReconnect,
            start: SimTime(nanoseconds: start), stages: passed, firstAudio: since(state.audioReady),
            firstVideo: since(state.videoReady), expectsVideo: peer.camera, isCensored: isCensored && !hasAudio,
            site: client.pointee.elected.map { world.scenario.deployment.regions[world.relays[$0.relay].region].name }
                ?? "")
        tally.add(record, path: world.path(sender, person), hasAudio: peer.microphone)
        pairs[pointer: pair].pointee.setupStart = -1
    }
}
