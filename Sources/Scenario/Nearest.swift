/// Looks for what a misspelt word may have meant.
package enum Nearest {
    /// The candidate with the fewest edits, if they are few for the word's length; the first of equals.
    package static func match(_ word: String, among candidates: [String]) -> String? {
        let short = String(word.prefix(80))
        var best: (distance: Int, text: String)?
        for candidate in candidates where candidate != word {
            let distance = edits(short.lowercased(), candidate.lowercased())
            if distance < (best?.distance ?? Int.max) { best = (distance, candidate) }
        }
        guard let best, best.distance <= max(1, min(short.count, best.text.count) / 3) else {
            return candidates.first { $0.hasSuffix("/" + short) || isSameStem(short, $0) }
        }
        return best.text
    }

    /// Whether two thirds of the word, and three letters at least, begin the candidate too: `terminal`, `terminating`.
    private static func isSameStem(_ word: String, _ candidate: String) -> Bool {
        let shared = zip(word.lowercased(), candidate.lowercased()).prefix { $0.0 == $0.1 }.count
        return shared >= 3 && shared * 3 >= word.count * 2
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other
    /// (optimal string alignment distance).
    static func edits(_ first: String, _ second: String) -> Int {
        let left = Array(first.unicodeScalars)
        let right = Array(second.unicodeScalars)
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var beforePrevious = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        for row in 1...left.count {
            var current = [row] + [Int](repeating: 0, count: right.count)
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                current[column] = min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + cost)
                let isSwap =
                    row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1]
                if isSwap { current[column] = min(current[column], beforePrevious[column - 2] + 1) }
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
