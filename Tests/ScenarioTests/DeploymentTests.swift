import EventKernel
import Foundation
import Measures
import Network
import Testing

@testable import Scenario

@Suite struct DeploymentTests {
    /// The sample with one text replaced, which must occur in it.
    static func complaintAbout(replacing old: String, with new: String) -> String? {
        precondition(Samples.deployment.contains(old))
        let text = Samples.deployment.replacing(old, with: new, maxReplacements: 1)
        do throws(ScenarioError) {
            let tree = try YAMLNode.parse(text, file: "d.yaml")
            _ = try DeploymentReader(defaultName: "d").read(tree)
            return nil
        } catch {
            return error.description
        }
    }

    @Test(arguments: [
        (
            "cluster-name: us-east", "cluster-name: nats",
            """
            d.yaml:8:21: nats-server refuses to start: cluster name "nats" conflicts with gateway name "us-east" \
            (did you mean "us-east"?)
            """
        ),
        ("site: nyc1", "sites: nyc1", "d.yaml:3:5: unknown key \"sites\" in a region (did you mean \"site\"?)"),
        ("servers: 2", "servers: 0", "d.yaml:6:16: servers: expected a value from 1 to 99, found \"0\""),
        (
            "version: 2.9.10", "version: 2.9",
            "d.yaml:7:16: version: '2.9' is no nats-server version; write it as 2.9.10"
        ),
        (
            "version: 2.9.10", "version: 2.7.4",
            """
            d.yaml:7:16: version: nats-server 2.7.4 is not modelled: before 2.9.0 gateways were optimistic, \
            not interest-only
            """
        ),
        (
            "\"nats://10.110.0.2:30722\"", "\"10.110.0.2:30722\"",
            """
            d.yaml:13:45: urls: expected nats://host:port, found "10.110.0.2:30722" (did you mean \
            "nats://10.110.0.2:30722"?)
            """
        ),
        (
            "urls: [\"nats://10.110.0.2:30722\"]", "urls: []",
            "d.yaml:13:44: nats-server refuses to start: gateway \"singapore\" has no URL"
        ),
        (
            "advertise: 10.100.0.2:30722", "advertise: 10.100.0.2",
            "d.yaml:12:20: advertise: expected host:port, found \"10.100.0.2\""
        ),
        (
            "address: 10.100.0.2 ", "address: 10.100.0.256 ",
            "d.yaml:4:56: address: expected an IPv4 address such as 10.100.0.2, found \"10.100.0.256\""
        ),
        ("transport: ws }, {", "transport: wt }, {", "d.yaml:14:33: transport wt is given twice in region \"us-east\""),
        (
            "transport: ws }, {", "transport: udp }, {",
            "d.yaml:14:27: expected transport to be one of ws, wt, found \"udp\""
        ),
        ("cpu: 500m", "cpu: 500ms", "d.yaml:14:68: cpu: expected CPU cores such as 2 or 300m, found \"500ms\""),
        (
            "between: us-east/singapore", "between: us-east/sgp",
            "d.yaml:28:16: between: no region \"sgp\" in deployment \"d\""
        ),
        (
            "between: us-east/singapore", "between: us-east/us-east",
            "d.yaml:28:16: expected two different regions, found \"us-east/us-east\""
        ),
        (
            "round-trip: 234ms", "round-trip: 234",
            "d.yaml:28:47: round-trip: expected a duration with a unit (ns us ms s min h d), found \"234\""
        ),
        (
            "  us-east:", "  us.east:",
            "d.yaml:2:3: expected a name for a region of letters, digits, - and _ (at most 63), found \"us.east\""
        ),
        ("  singapore:\n", "  us-east:\n", "d.yaml:15:3: key \"us-east\" is given twice"),
    ])
    func refusesWrongDeployments(_ old: String, _ new: String, _ line: String) {
        #expect(Self.complaintAbout(replacing: old, with: new) == line)
    }

    @Test func needsARegion() {
        #expect(
            complaint("horizon: 1min\ndeployment: { regions: {} }\n") == "x.yaml:2:24: expected at least one region")
    }

    @Test func needsTheDeploymentFile() {
        let text = "horizon: 1min\ndeployment: nowhere.yaml\n"
        #expect(complaint(text) == "x.yaml:2:13: deployment: no file \"nowhere.yaml\"")
    }

    @Test func needsSomethingToHappen() {
        let inline = Samples.deployment.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n")
        #expect(
            complaint("horizon: 1min\ndeployment:\n\(inline)\n")
                == "x.yaml:1:1: nothing happens: give populations or publishers")
    }

    @Test func warnsOfGatewaysThatNeverForm() throws {
        let path = Samples.root.appendingPathComponent("scenarios/deployments/seed-as-deployed.yaml").path
        let findings = try ScenarioReader.loadDeployment(path: path).findings
        #expect(findings.count == 4)
        #expect(
            findings.contains(
                "\(path):1:1: no region lists a remote gateway: none is ever dialled, and no message crosses regions"))
        #expect(
            findings.contains(
                """
                \(path):1:1: regions "us-east" and "singapore" both call their gateway "default": each takes the \

                """
                    + "other for itself, and no gateway forms"))
    }

    @Test func warnsOfARemoteUnderTheWrongName() throws {
        let text = Samples.deployment.replacing("name: singapore, urls", with: "name: sgp1, urls")
        let deployment = try DeploymentReader(defaultName: "d").read(YAMLNode.parse(text, file: "d.yaml"))
        #expect(
            DeploymentFindings.all(deployment, file: "d.yaml") == [
                "d.yaml:1:1: region \"us-east\" dials nats://10.110.0.2:30722 as \"sgp1\", but the gateway there is "
                    + "\"singapore\": refused again and again"
            ])
    }

    @Test func readsTheSeedAsIntended() throws {
        let path = Samples.root.appendingPathComponent("scenarios/deployments/seed-intended.yaml").path
        let (deployment, findings) = try ScenarioReader.loadDeployment(path: path)
        #expect(findings.isEmpty)
        #expect(deployment.regions.map(\.nats.servers) == [3, 2])
        #expect(deployment.regions.map(\.vpc) == ["10.100.0.0/16", "10.110.0.0/16"])
        #expect(deployment.regions.map { $0.nats.gateway?.nodePort } == [30_722, 30_722])
        #expect(
            deployment.regions.map { $0.relays.map(\.transport) } == [
                [.webSocket, .webTransport], [.webSocket, .webTransport],
            ])
        #expect(deployment.links.map(\.roundTrip.milliseconds) == [234])
    }
}
