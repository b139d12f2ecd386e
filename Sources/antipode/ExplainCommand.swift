import ArgumentParser
import Measures
import Report
import ResultStore

/// A cause as the user may write it: `no gateway` or `no-gateway`.
struct CauseArgument: ExpressibleByArgument {
    var cause: LossCause

    init?(argument: String) {
        guard let cause = LossCause.allCases.first(where: { Self.hyphenated($0) == Self.hyphenated(argument) })
        else { return nil }
        self.cause = cause
    }

    static var allValueStrings: [String] { LossCause.allCases.map(hyphenated) }

    private static func hyphenated(_ cause: LossCause) -> String { hyphenated(cause.name) }
    private static func hyphenated(_ text: String) -> String { String(text.map { $0 == " " ? "-" : $0 }) }
}

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell the story of one call, or of the losses of one cause.",
        discussion: """
            The story comes from a bounded journal, which the first replication keeps (all of them with antipode run \
            --keep all). Where the journal was full, the story says so.

            EXAMPLE
              antipode explain 3 --call vietnam/call-12
              antipode explain 3 --lost gateway-down
            """)

    @Argument(help: ArgumentHelp("Number of the run.", valueName: "run"))
    var number: Int64

    @Option(
        help: ArgumentHelp(
            "The call: its name (vietnam/call-12), that of a person in it (vietnam/call-12/person-2), or its number.",
            valueName: "id"))
    var call: String?

    @Option(help: ArgumentHelp("Cause of the losses, as the summary names it.", valueName: "cause"))
    var lost: CauseArgument?

    @Option(help: ArgumentHelp("The most lines to tell of each replication.", valueName: "lines"))
    var limit = 60

    @OptionGroup var database: DatabaseOption

    func validate() throws {
        if call == "" { throw ValidationError("--call needs a name or a number") }
        if (call == nil) == (lost == nil) { throw ValidationError("give either --call or --lost") }
        if limit < 1 { throw ValidationError("--limit must be 1 or more") }
    }

    func run() throws {
        try reportingFailure {
            let store = try ResultStore.openReadOnly(path: database.path)
            guard let question: StoryQuestion = call.map({ .call($0) }) ?? lost.map({ .cause($0.cause) }) else {
                return
            }
            Screen.output(try story(of: number, question, in: store, limit: limit, style: .output))
        }
    }
}
