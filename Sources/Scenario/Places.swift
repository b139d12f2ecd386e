import EventKernel
import Parameters

/// A city with its usual base round trips to data centres, without the last mile.
struct Place: Sendable {
    var name: String
    /// Whole hours to add to UTC in winter; summer time and half hours are left out.
    var utcOffset: Int
    /// Milliseconds to New York (site `nyc1`) and Singapore (site `sgp1`).
    var newYork: Int64
    var singapore: Int64
    var source: String
    var certainty: Certainty

    init(
        _ name: String, utc: Int, nyc1 newYork: Int64, sgp1 singapore: Int64, source: String, _ certainty: Certainty
    ) {
        self.name = name
        utcOffset = utc
        self.newYork = newYork
        self.singapore = singapore
        self.source = source
        self.certainty = certainty
    }

    func roundTrip(to site: String) -> SimDuration? {
        switch site {
        case "nyc1": .milliseconds(newYork)
        case "sgp1": .milliseconds(singapore)
        default: nil
        }
    }
}

/// The places that `place:` knows.
///
/// Most figures are typical medians put together from fibre distance and public measurements, not measured for
/// this service; a row is an assumption where either of its two figures is one.
enum Places {
    static let sites = ["nyc1", "sgp1"]

    static let all: [Place] = {
        let aws = "AWS inter-region medians (2017)"
        let monitor = "WonderNetwork pings from Washington, D.C."
        let post = "videocall-rs blog, 2025-07-23, and ping over the peering"
        let floor = "estimate: twice the fibre distance plus routing"
        return [
            Place(
                "ho-chi-minh", utc: 7, nyc1: 250, sgp1: 30, source: "seed design (20 to 40 ms); " + floor, .assumption),
            Place("hanoi", utc: 7, nyc1: 255, sgp1: 45, source: floor, .assumption),
            Place("da-nang", utc: 7, nyc1: 252, sgp1: 38, source: floor, .assumption),
            Place("bangkok", utc: 7, nyc1: 245, sgp1: 30, source: floor, .assumption),
            Place("jakarta", utc: 7, nyc1: 245, sgp1: 18, source: floor, .assumption),
            Place("manila", utc: 8, nyc1: 230, sgp1: 45, source: floor, .assumption),
            Place("singapore", utc: 8, nyc1: 234, sgp1: 2, source: post, .published),
            Place("hong-kong", utc: 8, nyc1: 215, sgp1: 36, source: floor, .assumption),
            Place("mumbai", utc: 5, nyc1: 195, sgp1: 60, source: floor, .assumption),
            Place("tokyo", utc: 9, nyc1: 165, sgp1: 72, source: "\(aws); \(monitor)", .published),
            Place("seoul", utc: 9, nyc1: 180, sgp1: 78, source: floor, .assumption),
            Place("sydney", utc: 10, nyc1: 210, sgp1: 95, source: "\(monitor); " + floor, .assumption),
            Place("london", utc: 0, nyc1: 72, sgp1: 170, source: "\(monitor); " + floor, .assumption),
            Place("frankfurt", utc: 1, nyc1: 84, sgp1: 165, source: "\(monitor); " + floor, .assumption),
            Place("sao-paulo", utc: -3, nyc1: 115, sgp1: 335, source: "\(monitor); " + floor, .assumption),
            Place("new-york", utc: -5, nyc1: 2, sgp1: 234, source: post, .published),
            Place("washington", utc: -5, nyc1: 8, sgp1: 230, source: floor, .assumption),
            Place("toronto", utc: -5, nyc1: 14, sgp1: 235, source: floor, .assumption),
            Place("chicago", utc: -6, nyc1: 19, sgp1: 215, source: floor, .assumption),
            Place("dallas", utc: -6, nyc1: 38, sgp1: 210, source: floor, .assumption),
            Place("los-angeles", utc: -8, nyc1: 65, sgp1: 175, source: floor, .assumption),
        ]
    }()

    static func named(_ name: String) -> Place? { all.first { $0.name == name } }
}
