import Foundation
import Synchronization
import Testing

@testable import Emulation

extension LabTests {
    @Suite struct BootTurnTests {
        @Test func oneLabBootsAtATime() throws {
            let turn = BootTurn()
            let order = Mutex<[String]>([])
            try turn.take { false }
            let isWaiting = DispatchSemaphore(value: 0)
            let isDone = DispatchSemaphore(value: 0)
            Thread {
                try? turn.take {
                    isWaiting.signal()
                    return false
                }
                order.withLock { $0.append("second") }
                turn.pass()
                isDone.signal()
            }.start()
            // It has found the turn taken.
            isWaiting.wait()
            order.withLock { $0.append("first") }
            turn.pass()
            isDone.wait()
            #expect(order.withLock { $0 } == ["first", "second"])
        }

        @Test func whoWaitsCanGiveUp() throws {
            let turn = BootTurn()
            try turn.take { false }
            #expect(throws: CancellationError.self) { try turn.take { true } }
            turn.pass()
            try turn.take { true }
            turn.pass()
        }

        @Test func aTicketThatIsForgottenIsGivenBack() throws {
            do {
                let ticket = BootTicket()
                try ticket.take { false }
            }
            let next = BootTicket()
            // Nobody has it, unless a test with servers boots beside.
            try next.take { false }
            next.giveBack()
            next.giveBack()
        }
    }
}
