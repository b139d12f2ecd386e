import Testing

@testable import Routing

/// Each row makes one thing wrong and states the line that must come out, without the name of the file.
@Suite struct CaseMalformedTests {
    @Test(
        arguments: [
            (
                "clusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                """
                1:1: key "case" is missing in a routing case
                """
            ),
            (
                "case: c\nsteps: [{wait: 1s}]\n",
                "1:1: a routing case needs clusters or a deployment"
            ),
            (
                "case: c\nclusters: {us: 1}\n",
                """
                1:1: key "steps" is missing in a routing case
                """
            ),
            (
                "case: c\nclusters: {us: 1}\nstep: []\n",
                """
                3:1: unknown key "step" in a routing case (did you mean "steps"?)
                """
            ),
            (
                "case: c\nclusters: {us: 1}\nsteps: []\n",
                "3:8: steps: expected at least one step"
            ),
            (
                "case: \"two\\nlines\"\nclusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                "1:7: case: expected one line of at most 200 characters; tell more in `about`"
            ),
            (
                "case: c\nversions: {from: 2.8.4}\nclusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                """
                2:18: from: nats-server 2.8.4 is not modelled: before 2.9.0 gateways were optimistic, \
                not interest-only
                """
            ),
            (
                "case: c\nversions: {from: 2.10}\nclusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                "2:18: from: '2.10' is no nats-server version; write it as 2.9.10"
            ),
            (
                "case: c\nversions: {from: 2.11.0, before: 2.10.0}\nclusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                "2:11: versions: no release is from 2.11.0 and before 2.10.0"
            ),
            (
                "case: c\nversions: {}\nclusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                "2:11: versions: expected from, before or both"
            ),
            (
                "case: c\nclusters: {}\nsteps: [{wait: 1s}]\n",
                "2:11: expected at least one cluster"
            ),
            (
                "case: c\nclusters: {us.east: 1}\nsteps: [{wait: 1s}]\n",
                """
                2:12: expected a name for a cluster of letters, digits, - and _ (at most 63), found \
                "us.east"
                """
            ),
            (
                "case: c\nclusters: {us: 0}\nsteps: [{wait: 1s}]\n",
                """
                2:16: servers: expected a value from 1 to 32, found "0"
                """
            ),
            (
                "case: c\nclusters: {us: 20, sgp: 13}\nsteps: [{wait: 1s}]\n",
                "2:11: expected at most 32 servers in all, found 33"
            ),
            (
                "case: c\nclusters: {us: 1, us: 2}\nsteps: [{wait: 1s}]\n",
                """
                2:12: key "us" is given twice
                """
            ),
            (
                "case: c\nclusters: {us: [a, a]}\nsteps: [{wait: 1s}]\n",
                """
                2:20: server "a" is given twice
                """
            ),
            (
                "case: c\nclusters: {us: 1, sgp: [us-0]}\nsteps: [{wait: 1s}]\n",
                """
                2:25: server "us-0" is given twice
                """
            ),
            (
                "case: c\nclusters: {us: [us]}\nsteps: [{wait: 1s}]\n",
                """
                2:11: server name "us" means something else already
                """
            ),
            (
                "case: c\nclusters: {us: [nobody]}\nsteps: [{wait: 1s}]\n",
                """
                2:11: server name "nobody" means something else already
                """
            ),
            (
                "case: c\nclusters: {us: {server: 2}}\nsteps: [{wait: 1s}]\n",
                """
                2:17: unknown key "server" in a cluster (did you mean "servers"?)
                """
            ),
            (
                "case: c\nclusters: {us: {gateway: no}}\nsteps: [{wait: 1s}]\n",
                """
                2:26: gateway: expected a mapping or the word none, found "no"
                """
            ),
            (
                "case: c\nclusters: {us: {gateway: {remotes: {sgp: [us-1]}}}}\nsteps: [{wait: 1s}]\n",
                """
                2:43: expected an endpoint (a server, server/client, server/route, node-port cluster or \
                nobody), found "us-1" (did you mean "us-0"?)
                """
            ),
            (
                "case: c\nclusters: {us: {gateway: {remotes: {sgp: us-0/gate}}}}\nsteps: [{wait: 1s}]\n",
                """
                2:42: expected a port of us-0, one of gateway, route, client, found "gate" (did you mean \
                "us-0/gateway"?)
                """
            ),
            (
                "case: c\nclusters: {us: {gateway: {remotes: {sgp: []}}}}\nsteps: [{wait: 1s}]\n",
                """
                2:42: nats-server refuses to start: gateway "sgp" has no URL
                """
            ),
            (
                "case: c\nclusters: {us: {gateway: {advertise: node-port uss}}}\nsteps: [{wait: 1s}]\n",
                """
                2:38: node-port: no cluster "uss" (did you mean "node-port us"?)
                """
            ),
            (
                "case: c\nclusters: {us: {gateway: {reject-unknown: yes}}}\nsteps: [{wait: 1s}]\n",
                """
                2:43: reject-unknown: expected true or false, found "yes" (did you mean "true"?)
                """
            ),
            (
                "case: c\nclusters: {us: {ping-interval: 1}}\nsteps: [{wait: 1s}]\n",
                """
                2:32: ping-interval: expected a duration with a unit (ns us ms s min h d), found "1"
                """
            ),
            (
                "case: c\nclusters: {us: 2}\nservers: {us-2: {starts: later}}\nsteps: [{wait: 1s}]\n",
                """
                3:11: servers: no server "us-2" (did you mean "us-0"?)
                """
            ),
            (
                "case: c\nclusters: {us: 2}\nservers: {us-1: {starts: soon}}\nsteps: [{wait: 1s}]\n",
                """
                3:26: expected starts to be one of at once, later, found "soon"
                """
            ),
            (
                "case: c\nclusters: {us: 2}\nservers: {us-1: {routes: [us-O]}}\nsteps: [{wait: 1s}]\n",
                """
                3:27: routes: no server "us-O" (did you mean "us-0"?)
                """
            ),
            (
                "case: c\nclusters: {us: 2}\nservers: {us-1: {server-name: two words}}\nsteps: [{wait: 1s}]\n",
                """
                3:31: server-name: expected a text without spaces, found "two words"
                """
            ),
            (
                "case: c\nclusters: {us: 2}\nwan: 11s\nsteps: [{wait: 1s}]\n",
                """
                3:6: wan: expected a value from 0s to 10s, found "11s"
                """
            ),
            (
                "case: c\nclusters: {us: 1, sgp: 1}\nwan: {us/sgb: 1ms}\nsteps: [{wait: 1s}]\n",
                """
                3:7: wan: no cluster "sgb" (did you mean "sgp"?)
                """
            ),
            (
                "case: c\nclusters: {us: 1, sgp: 1}\nwan: {us-sgp: 1ms}\nsteps: [{wait: 1s}]\n",
                """
                3:7: wan: expected two clusters such as us/sgp, found "us-sgp"
                """
            ),
            (
                "case: c\nclusters: {us: 1, sgp: 1}\nwan: {us/sgp: 1ms, sgp/us: 1ms}\nsteps: [{wait: 1s}]\n",
                """
                3:20: wan: "sgp/us" is given twice
                """
            ),
            (
                "case: c\ndeployment: d.yaml\nclusters: {us: 1}\nsteps: [{wait: 1s}]\n",
                "3:1: clusters: the deployment says it already; give one of them"
            ),
            (
                "case: c\ndeployment: nowhere.yaml\nsteps: [{wait: 1s}]\n",
                """
                2:13: deployment: no file "nowhere.yaml"
                """
            ),
            (
                "case: c\nclusters: {us: 1}\nclients: {ann: us-1}\nsteps: [{wait: 1s}]\n",
                """
                3:11: clients: no server "us-1" (did you mean "us-0"?)
                """
            ),
            (
                "case: c\nclusters: {us: 2}\nservers: {us-1: {starts: later}}\nclients: {ann: us-1}\n"
                    + "steps: [{wait: 1s}]\n",
                """
                4:11: clients: server "us-1" has not been started yet
                """
            ),
            (
                "case: c\nclusters: {us: 1}\nclients: {ann: {echo: false}}\nsteps: [{wait: 1s}]\n",
                """
                3:16: key "server" is missing in a client
                """
            ),
            (
                "case: c\nclusters: {us: 1}\nclients: {a b: us-0}\nsteps: [{wait: 1s}]\n",
                """
                3:11: expected a name for a client of letters, digits, - and _ (at most 63), found "a b"
                """
            ),
            (
                "case: c\nclusters: {us: 1}\nclients: {ann: us-0}\nsteps: [{publish: ann, to: &x a}]\n",
                "4:28: YAML anchors and aliases are not supported; write the value out"
            ),
            (
                "case: \"\t",
                "1:9: not YAML: found unexpected end of stream"
            ),
        ] as [(String, String)])
    func refusesWrongTopLevels(_ text: String, _ line: String) { #expect(complaint(text) == line) }

    @Test(
        arguments: [
            (
                "{to: a, publish: ann}",
                """
                5:6: a step begins with its verb "publish", found "to"
                """
            ),
            (
                "{publsh: ann, to: a}",
                """
                5:6: unknown verb "publsh" (did you mean "publish"?)
                """
            ),
            (
                "{shout: ann, to: a}",
                """
                5:6: unknown verb "shout", expected one of subscribe, unsubscribe, publish, request, \
                connect, disconnect, kill, stop, lame-duck, start, cut, heal, wait, check, together, \
                steer
                """
            ),
            (
                "{}",
                "5:5: expected a step such as {publish: ann, to: orders}, found nothing"
            ),
            (
                "wait",
                """
                5:5: expected a mapping with a step, found "wait"
                """
            ),
            (
                "{publish: ann, kill: us-0}",
                """
                5:20: a step has one verb, found "publish" and "kill"; write two steps
                """
            ),
            (
                "{publish: ann}",
                """
                5:5: key "to" is missing in a step `publish`
                """
            ),
            (
                "{publish: ann, too: a}",
                """
                5:20: unknown key "too" in a step `publish` (did you mean "to"?)
                """
            ),
            (
                "{publish: ann, to: a, times: 0}",
                """
                5:34: times: expected a value from 1 to 100000, found "0"
                """
            ),
            (
                "{publish: ann, to: a, times: 100001}",
                """
                5:34: times: expected a value from 1 to 100000, found "100001"
                """
            ),
            (
                "{publish: ann, to: a, queue: w}",
                """
                5:27: unknown key "queue" in a step `publish`, whose keys are publish, to, times, reply, \
                headers, expect, answers, no-responders, crossings, ordered
                """
            ),
            (
                "{publish: ann, to: a b}",
                """
                5:24: to: expected a text without spaces, found "a b"
                """
            ),
            (
                "{publish: ann, to: }",
                "5:24: expected a value for to, found nothing"
            ),
            (
                "{publish: ann, to: " + String(repeating: "x", count: 513) + "}",
                "5:24: to: expected at most 512 characters, found 513"
            ),
            (
                "{publish: [], to: a}",
                "5:15: publish: expected at least one name"
            ),
            (
                "{publish: [ann, ann], to: a}",
                """
                5:21: publish: "ann" is given twice
                """
            ),
            (
                "{request: ann, to: a, reply: b}",
                """
                5:27: unknown key "reply" in a step `request`, whose keys are request, to, times, \
                headers, expect, answers, no-responders, crossings, ordered
                """
            ),
            (
                "{subscribe: ann, to: a, answer-reply: b}",
                "5:29: answer-reply needs answers: true"
            ),
            (
                "{subscribe: ann, to: a, max: 0}",
                """
                5:34: max: expected a value from 1 to 1000000000, found "0"
                """
            ),
            (
                "{wait: 5}",
                """
                5:12: wait: expected a duration with a unit (ns us ms s min h d), found "5"
                """
            ),
            (
                "{wait: 11min}",
                """
                5:12: wait: expected a value from 1ms to 10min, found "11min"
                """
            ),
            (
                "{cut: us}",
                """
                5:11: cut: expected two places such as us sgp, or us -> sgp for one direction, found \
                "us"
                """
            ),
            (
                "{cut: us to sgp}",
                """
                5:11: cut: expected two places such as us sgp, or us -> sgp for one direction, found "us \
                to sgp"
                """
            ),
            (
                "{together: []}",
                "5:16: together: expected at least one step"
            ),
            (
                "{together: [{wait: 1s}]}",
                "5:18: wait cannot stand within together; write a step of its own"
            ),
            (
                "{together: [{publish: ann, to: a, expect: nothing}]}",
                "5:39: expect: what is expected of a block stands beside together, not within it"
            ),
            (
                "{wait: 1s, expect: nothing}",
                """
                5:16: unknown key "expect" in a step `wait`, whose keys are wait
                """
            ),
            (
                "{check: {}}",
                "5:13: check: expected gateways, routes or inbound with at least one server"
            ),
            (
                "{check: {gateway: {us-0: [sgp]}}}",
                """
                5:14: unknown key "gateway" in a check (did you mean "gateways"?)
                """
            ),
            (
                "{check: {inbound: {us-0: 1}}, within: 0s}",
                """
                5:43: within: expected a value from 10ms to 10min, found "0s"
                """
            ),
        ] as [(String, String)])
    func refusesWrongSteps(_ steps: String, _ line: String) { #expect(complaint(steps: steps) == line) }
}

/// The message about a file, without the name of the file.
func complaint(_ text: String) -> String {
    do {
        _ = try CaseReader.parse(text: text, file: "x.yaml")
        return "nothing"
    } catch {
        return String("\(error)".dropFirst("x.yaml:".count))
    }
}

/// The same for steps, which begin in line 5.
func complaint(steps: String) -> String {
    complaint(
        """
        case: c
        clusters: {us: 2, sgp: {servers: [asia]}}
        clients: {ann: us-0, bob: us-1}
        steps:

        """ + steps.split(separator: "\n").map { "  - \($0)\n" }.joined())
}
