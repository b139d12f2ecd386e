/// The E-model of ITU-T G.107 in the form that call operators use: delay and loss to a mean opinion score.
public enum SpeechQuality {
    /// R without delay and loss: the default of G.107 for a narrowband path.
    public static let unimpairedRating = 93.2
    /// Robustness against loss (Bpl) of Opus with concealment: between a G.711 codec's 4.3 and 25.1; an estimate.
    public static let lossRobustness = 10.0

    /// The mean opinion score, 1 to 4.5.
    ///
    /// Delay after Cole and Rosenbluth (2001): Id = 0.024 d + 0.11 (d - 177.3) beyond 177.3 ms; loss by
    /// Ie,eff = 95 p / (p + Bpl) with Ie = 0. Transports here are reliable, so late packets count as lost.
    /// - Parameters:
    ///   - delayMilliseconds: mouth to ear.
    ///   - lossShare: lost or late, 0 to 1.
    public static func meanOpinionScore(delayMilliseconds: Double, lossShare: Double) -> Double {
        let beyond = max(0, delayMilliseconds - 177.3)
        let percent = 100 * lossShare
        let delayImpairment = 0.024 * delayMilliseconds + 0.11 * beyond
        let lossImpairment = 95 * percent / (percent + lossRobustness)
        let rating = unimpairedRating - delayImpairment - lossImpairment
        if rating <= 0 { return 1 }
        if rating >= 100 { return 4.5 }
        return 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    }
}
