// Observations as checks get them: a healthy machine with one peer, of which a test changes what it is about.

import type { NodeId } from "../../../../lib/base/mod.ts";
import type {
  LinkObservation,
  Observations,
  PeerLinkObservation,
  PeerObservation,
} from "../../../../lib/node/doctor/mod.ts";

export const ID = "0123456789abcdef0123456789abcdef" as NodeId;

const GROUP = "239.255.76.86";

export function linkSeen(change: Partial<LinkObservation> = {}): LinkObservation {
  return {
    key: "eth0 key",
    name: "eth0",
    family: "ipv4",
    address: "10.0.0.1",
    prefix: 24,
    broadcast: "10.0.0.255",
    loopback: false,
    echo: { multicast: { sent: 3, answered: 3 }, broadcast: { sent: 3, answered: 3 } },
    problem: null,
    ...change,
  };
}

/** Ways as `uUmMbB`: a small letter for out, a capital for in; what is missing did not work. */
export function waysSeen(works: string, change: Partial<PeerLinkObservation> = {}): PeerLinkObservation {
  const tries = (letter: string) => ({ sent: 3, answered: works.includes(letter) ? 1 : 0 });
  const heard = (letter: string) => works.includes(letter) ? 2 : 0;
  return {
    linkKey: "eth0 key",
    link: "eth0",
    family: "ipv4",
    isSecondary: false,
    isRouted: false,
    address: "10.0.0.2",
    out: { unicast: tries("u"), multicast: tries("m"), broadcast: tries("b") },
    in: { unicast: heard("U"), multicast: heard("M"), broadcast: heard("B") },
    large: tries("u"),
    rttUs: works.includes("u") ? 400 : null,
    ...change,
  };
}

export function peerSeen(
  name: string,
  works: string,
  change: Partial<PeerObservation> = {},
): PeerObservation {
  return {
    id: ID,
    name,
    version: "0.1.0",
    state: "alive",
    isHere: false,
    known: "heard",
    links: [waysSeen(works)],
    beatMs: 1_000,
    processes: 1,
    isDouble: false,
    session: { address: "tcp://10.0.0.2:5000", rttUs: 900, problem: null },
    clock: { offsetMs: 3, errorMs: 0.5 },
    ...change,
  };
}

/** All six ways. */
export const ALL = "uUmMbB";

export function seen(change: Partial<Observations> = {}): Observations {
  return {
    os: "linux",
    ownUserId: 1000,
    trust: "keyed",
    group: GROUP,
    port: 47_676,
    protocolVersion: 1,
    listenedMs: 3_000,
    isListening: true,
    portProblem: null,
    links: [linkSeen()],
    ignored: [],
    missing: [],
    peers: [peerSeen("b", ALL)],
    strangers: [],
    system: {
      portHolders: [
        { localAddress: "0.0.0.0", processId: 7, program: "hana doctor", isOurs: true, drops: 0 },
      ],
      maxReceiveBuffer: 4_194_304,
      igmp: new Map([["eth0", { version: "V3", groups: [GROUP, "224.0.0.1"] }]]),
      firewalls: [],
    },
    storage: [
      { what: "state directory", path: "/s", kind: "directory", mode: 0o700, userId: 1000, problem: null },
      { what: "run directory", path: "/r", kind: "directory", mode: 0o700, userId: 1000, problem: null },
      { what: "mesh key file", path: "/s/mesh.key", kind: "file", mode: 0o600, userId: 1000, problem: null },
    ],
    unknown: [],
    isLocalOnly: false,
    localNode: null,
    ...change,
  };
}
