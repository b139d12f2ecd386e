import CLinux
import Glibc

/// The network of one site: a namespace that nothing but descriptors, threads and processes holds, and its TUN device.
struct Namespace: Sendable {
    let descriptor: Int32
    /// The other end of the site's only interface to others: whole IPv4 packets.
    let device: Int32
    let site: AddressPlan.Site
    /// The congestion control of its TCP connections.
    let congestionControl: String

    private static let mtu: Int32 = 1500
    /// Packets that wait for the switch; the default of 500 would drop some of a burst.
    private static let queueLength: Int32 = 4096
    /// What ordinary nodes have, and what every kernel has. A namespace may have others only where the host lists them
    /// in `net.ipv4.tcp_allowed_congestion_control`, and the host's settings are not ours to change.
    private static let wantedCongestionControls = ["cubic", "reno"]

    /// Makes one with its interface up, and leaves the calling thread in it.
    init(_ site: AddressPlan.Site) throws(FabricError) {
        let descriptor = try checked(
            clinux_new_network_namespace(), "cannot make a network namespace (root or CAP_SYS_ADMIN may)")
        let device = clinux_open_tun("wan0")
        do {
            try checked(device, "cannot open a TUN device (/dev/net/tun)")
            try checked(clinux_set_up_interface("lo", 0, 0, 0, 0), "cannot set up lo")
            for (index, address) in site.others.enumerated() {
                try checked(
                    clinux_set_up_interface("lo:\(index + 1)", address.rawValue, 0xFFFF_FFFF, 0, 0),
                    "cannot give lo the address \(address)")
            }
            // All of 10/8 but these is behind the device, and connections come from this address unless they are bound.
            try checked(
                clinux_set_up_interface("wan0", site.node.rawValue, 0xFF00_0000, Self.mtu, Self.queueLength),
                "cannot set up the TUN device")
        } catch {
            Glibc.close(descriptor)
            if device >= 0 { Glibc.close(device) }
            throw error
        }
        // Neighbour discovery would only be noise in the counts.
        _ = Sysctl.set("ipv6/conf/all/disable_ipv6", "1")
        for name in Self.wantedCongestionControls where Sysctl.set("ipv4/tcp_congestion_control", name) { break }
        congestionControl = Sysctl.get("ipv4/tcp_congestion_control") ?? "unknown"
        self.descriptor = descriptor
        self.device = device
        self.site = site
    }

    func close() {
        Glibc.close(device)
        Glibc.close(descriptor)
    }
}

/// Settings below `/proc/sys/net`, of the calling thread's namespace where they belong to one.
enum Sysctl {
    static func get(_ name: String) -> String? {
        smallFile("/proc/sys/net/" + name).map { String($0.prefix { $0 != "\n" }) }
    }

    static func set(_ name: String, _ value: String) -> Bool {
        let file = open("/proc/sys/net/" + name, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { Glibc.close(file) }
        return value.withCString { write(file, $0, strlen($0)) } == value.utf8.count
    }
}

/// The namespaces of a lab. All calls but `close` run on its launcher.
struct NamespaceSet: Sendable {
    /// Where the launcher belongs.
    private let home: Int32
    /// In the order of the sites.
    let namespaces: [Namespace]

    init(_ sites: [AddressPlan.Site]) throws(FabricError) {
        let home = try checked(clinux_network_namespace(), "cannot look at the own network namespace")
        var namespaces: [Namespace] = []
        do {
            for site in sites { namespaces.append(try Namespace(site)) }
            try checked(clinux_enter_network_namespace(home), "cannot leave a network namespace")
        } catch {
            for namespace in namespaces { namespace.close() }
            // The thread may be in a new one; it is of no use then, and its lab fails.
            _ = clinux_enter_network_namespace(home)
            Glibc.close(home)
            throw error
        }
        self.home = home
        self.namespaces = namespaces
    }

    /// Does something in a namespace and comes back.
    func inside<Value>(_ index: Int, _ body: () throws -> Value) throws -> Value {
        try checked(clinux_enter_network_namespace(namespaces[index].descriptor), "cannot enter a network namespace")
        let outcome = Result(catching: body)
        // A thread that stays does no harm: each job enters the namespace that it needs.
        _ = clinux_enter_network_namespace(home)
        return try outcome.get()
    }

    /// The kernel removes devices and namespaces once nothing uses them any more.
    func close() {
        for namespace in namespaces { namespace.close() }
        Glibc.close(home)
    }
}
