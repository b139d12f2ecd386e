public import RandomVariates

/// What this room draws random numbers for; the numbers are part of every seed's meaning and never change.
extension Purpose {
    /// Phase of a site's health checks; the entity is the site.
    public static var healthPhase: Purpose { Purpose(rawValue: 256) }
    /// A person's resolver and browser caches; the entity is the person.
    public static var resolver: Purpose { Purpose(rawValue: 257) }
    /// A person's last-mile delay; the entity is the person.
    public static var accessDelay: Purpose { Purpose(rawValue: 258) }
}
