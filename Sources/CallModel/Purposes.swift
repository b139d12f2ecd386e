public import RandomVariates

/// What this room draws random numbers for; the numbers are part of every seed's meaning and never change.
extension Purpose {
    /// Gaps between the calls of a population; the entity is the population.
    public static var callArrival: Purpose { Purpose(rawValue: 768) }
    /// Number of calls in progress at time zero; the entity is the population.
    public static var callsInProgress: Purpose { Purpose(rawValue: 769) }
    /// Duration of a call and, in progress, its age; the entity is the call, as in the next two.
    public static var callDuration: Purpose { Purpose(rawValue: 770) }
    /// How many people a call has.
    public static var callSize: Purpose { Purpose(rawValue: 771) }
    /// Whether a call spans two populations.
    public static var callSpan: Purpose { Purpose(rawValue: 772) }
    /// Which population a participant of a spanning call is of; the entity is the person, as in all that follow.
    public static var personSide: Purpose { Purpose(rawValue: 773) }
    /// When a person joins after the first one.
    public static var personJoin: Purpose { Purpose(rawValue: 774) }
    /// When a person leaves.
    public static var personLeave: Purpose { Purpose(rawValue: 775) }
    /// Whether WebTransport works for a person.
    public static var personTransport: Purpose { Purpose(rawValue: 776) }
    /// Whether microphone and camera are on.
    public static var personMedia: Purpose { Purpose(rawValue: 777) }
    /// Phases of a person's media and timers.
    public static var streamPhase: Purpose { Purpose(rawValue: 778) }
}
