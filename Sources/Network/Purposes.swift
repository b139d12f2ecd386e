public import RandomVariates

/// What this room draws random numbers for; the numbers are part of every seed's meaning and never change.
extension Purpose {
    /// Phase of a site's health checks; the entity is the site.
    public static var healthPhase: Purpose { Purpose(rawValue: 256) }
    /// A person's resolver and browser caches; the entity is the person.
    public static var resolver: Purpose { Purpose(rawValue: 257) }
    /// A person's last-mile delay; the entity is the person.
    public static var accessDelay: Purpose { Purpose(rawValue: 258) }
    /// Lost packets of a WAN connection; the entity is the connection's direction.
    public static var packetLoss: Purpose { Purpose(rawValue: 259) }
    /// Jitter of packets on WAN links; the entity is 0.
    public static var linkJitter: Purpose { Purpose(rawValue: 260) }
}
