import CLinux
import Foundation
import Glibc

/// Whether the machine allows something, and if not, why.
public struct Availability: Hashable, Sendable {
    public var isAvailable: Bool
    /// A reason when it is not available; empty otherwise.
    public var reason: String

    public init(isAvailable: Bool, reason: String = "") {
        self.isAvailable = isAvailable
        self.reason = reason
    }
}

extension Fabric {
    /// Whether this process can make a lab of namespaces: tried on a thread that ends afterwards, not guessed.
    public static var namespacesAvailable: Availability {
        let (namespaces, devices) = tryNamespace()
        return namespaces.isAvailable ? devices : namespaces
    }

    /// Tries a namespace, and a TUN device in it.
    static func tryNamespace() -> (namespaces: Availability, devices: Availability) {
        do {
            let launcher = try LauncherThread()
            defer { launcher.end() }
            return try launcher.run {
                let namespace = clinux_new_network_namespace()
                guard namespace >= 0 else {
                    let reason = FabricError("cannot make a network namespace", code: -namespace).description
                    let hint = namespace == -EPERM ? " (root or CAP_SYS_ADMIN may)" : ""
                    let refused = Availability(isAvailable: false, reason: reason + hint)
                    return (refused, Availability(isAvailable: false, reason: "not tried without a namespace"))
                }
                close(namespace)
                return (Availability(isAvailable: true), tryDevice())
            }
        } catch {
            let refused = Availability(isAvailable: false, reason: "\(error)")
            return (refused, refused)
        }
    }

    private static func tryDevice() -> Availability {
        let device = clinux_open_tun("wan0")
        defer { if device >= 0 { close(device) } }
        do {
            try checked(device, "cannot open a TUN device (/dev/net/tun)")
            try checked(
                clinux_set_up_interface("wan0", Address(10, 1, 1, 1).rawValue, 0xFF00_0000, 0, 0),
                "cannot set up a TUN device")
        } catch {
            return Availability(isAvailable: false, reason: error.description)
        }
        return Availability(isAvailable: true)
    }
}

/// What this machine offers to labs with real servers.
public struct Capabilities: Hashable, Sendable {
    /// A `nats-server` program.
    public struct Server: Hashable, Sendable {
        /// Where it is.
        public var path: String
        /// As it says itself: `nats-server: v2.9.10`; `nil` when it does not run.
        public var version: String?
    }

    /// The `nats-server` given or found on `PATH`.
    public var server: Server?
    /// Whether network namespaces can be made.
    public var namespaces: Availability
    /// Whether TUN devices can be opened.
    public var devices: Availability
    /// Whether the CPU time of servers can be limited, as a container's is.
    public var quotas: Availability
    /// Whether their memory can be.
    public var memoryLimits: Availability
    /// The host's own; a namespace may have another one.
    public var congestionControl: String
    /// Cores that this process may use.
    public var cores: Int
    /// Remains of labs whose owner is dead.
    public var leftovers: [Leftover]

    /// Looks at the machine. Starts `nats-server --version`, and makes a namespace for a moment.
    ///
    /// - Parameter server: a path to `nats-server`, or `nil` to search `PATH`.
    public static func probe(server: String? = nil) -> Capabilities {
        let (namespaces, devices) = Fabric.tryNamespace()
        let path = server ?? NATSExecutable.path()
        return Capabilities(
            server: path.map { Server(path: $0, version: version(of: $0)) },
            namespaces: namespaces, devices: devices, quotas: ControlGroup.availability(of: .cpu),
            memoryLimits: ControlGroup.availability(of: .memory),
            congestionControl: Sysctl.get("ipv4/tcp_congestion_control") ?? "unknown",
            cores: ProcessInfo.processInfo.activeProcessorCount,
            leftovers: (try? Leftovers.find()) ?? [])
    }

    /// The first line that the program prints for `--version`; `nil` when it fails or takes too long.
    private static func version(of path: String) -> String? {
        guard let text = try? NATSExecutable.statement(of: path) else { return nil }
        return text.split(separator: "\n").first.map(String.init)
    }
}
