// What an examination makes of observations: tables of what was seen and what must be said.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type Check,
  conclusionOf,
  machineChecks,
  type Observations,
  peerChecks,
  wayStatesOf,
} from "../../../../lib/node/doctor/mod.ts";
import { ALL, linkSeen, peerSeen, seen, waysSeen } from "./fixture.ts";

function allChecks(change: Partial<Observations>): Check[] {
  const observations = seen(change);
  return [...machineChecks(observations), ...peerChecks(observations)];
}

/** `id verdict` of everything that is not well. */
function troubles(checks: readonly Check[]): string[] {
  return checks.filter(({ verdict }) => verdict !== "ok").map(({ id, verdict }) => `${id} ${verdict}`);
}

function one(checks: readonly Check[], id: string): Check {
  const found = checks.find((each) => each.id === id);
  assert(found !== undefined, `${id} is among ${checks.map((each) => each.id).join(", ")}`);
  return found;
}

const sentence = (checks: readonly Check[]) => conclusionOf(checks, { peers: 1, isLocalOnly: false });

Deno.test("where all is well nothing else is said", () => {
  const checks = allChecks({});
  assertEquals(troubles(checks), []);
  assertEquals(sentence(checks), "all is well with one other node");
  assertEquals(
    conclusionOf(checks, { peers: 0, isLocalOnly: false }),
    "nothing is wrong here, but nobody else was there to try it with; " +
      "try first: hana serve on another machine, with the same key",
  );
  assertStringIncludes(conclusionOf(checks, { peers: 0, isLocalOnly: true }), "this machine is well");
});

Deno.test("an answer proves two ways, and silence proves nothing until something was heard", () => {
  // What worked; then each way out and in, as unicast multicast broadcast: w works, f fails, ? unknown, - none.
  const table: [string, string, string, { isListening?: boolean; waitedBeats?: number }?][] = [
    [ALL, "www", "www"],
    ["", "???", "???"],
    // Only the answers by unicast came back: multicast and broadcast went out, and nothing of that kind came in.
    ["uUmb", "www", "wff"],
    // Multicast reaches the peer no more, broadcast does.
    ["uUbMB", "wfw", "www"],
    ["uUbB", "wfw", "wfw"],
    // A firewall here lets in what was asked for by unicast alone; none of the shouts is answered.
    ["uU", "wff", "wf?"],
    ["uU", "wff", "w??", { waitedBeats: 0.5 }],
    // We hear its beats and it does not hear us; unicast is not heard either, so who knows.
    ["M", "?ff", "?w?"],
    // Its answers to shouts come back by multicast alone: unicast to us is blocked, unicast to it is not known.
    ["mM", "?wf", "fwf"],
    // The port is held by somebody else: what is sent to all cannot be heard.
    ["uUmb", "www", "w??", { isListening: false }],
  ];
  const letter = { works: "w", fails: "f", unknown: "?", none: "-" };
  for (const [works, out, back, given] of table) {
    const surroundings = { isListening: true, hasBroadcast: true, waitedBeats: 3, ...given };
    const states = wayStatesOf(waysSeen(works), surroundings);
    const text = (side: typeof states.out) =>
      (["unicast", "multicast", "broadcast"] as const).map((way) => letter[side[way]]).join("");
    assertEquals([text(states.out), text(states.in)], [out, back], `${works} ${JSON.stringify(given)}`);
  }
  const routed = wayStatesOf(waysSeen("uU", { isRouted: true }), {
    isListening: true,
    hasBroadcast: true,
    waitedBeats: 3,
  });
  assertEquals(routed.out, { unicast: "works", multicast: "none", broadcast: "none" });
});

Deno.test("what fails between two machines is named with its direction, its likely cause and a remedy", () => {
  const table: [string, string[], RegExp][] = [
    ["uUbMB", ["multicast-out fail"], /multicast to b does not arrive.*IGMP snooping off/],
    ["uUbB", ["multicast-out fail", "multicast-in fail"], /multicast .*try first: on the switch/],
    ["uUmM", ["broadcast-out warn", "broadcast-in warn"], /broadcast (to|from) b does not arrive/],
    [
      "uU",
      ["multicast-out fail", "multicast-in fail", "broadcast-out warn", "broadcast-in skipped"],
      /hana serve --peer 10\.0\.0\.2/,
    ],
    ["umMbB", ["unicast-out skipped", "unicast-in fail", "large skipped"], /unicast from b does not arrive/],
  ];
  for (const [works, wanted, text] of table) {
    const letters = works === "umMbB" ? "mMbB" : works;
    const checks = allChecks({ peers: [peerSeen("b", letters)] });
    assertEquals(troubles(checks), wanted, works);
    assert(text.test(sentence(checks)), sentence(checks));
  }
});

Deno.test("what is so with every node of a network is said of the network, and first", () => {
  const peers = ["b", "c", "d"].map((name) => peerSeen(name, "uUmbB"));
  const checks = allChecks({ peers });
  assertEquals(one(checks, "network-multicast").interface, "eth0");
  assertStringIncludes(
    sentence(checks),
    "on eth0: multicast arrives from none of 3 nodes (and 3 more failed)",
  );
  // One that differs is a matter of its own port.
  const mixed = allChecks({ peers: [...peers, peerSeen("e", ALL)] });
  assertEquals(mixed.filter((each) => each.id === "network-multicast"), []);
});

Deno.test("a querier that was heard changes the advice", () => {
  const igmp = new Map([["eth0", { version: "V2", groups: ["239.255.76.86"] }]]);
  const checks = allChecks({ system: { ...seen().system, igmp }, peers: [peerSeen("b", "uUbMB")] });
  assertStringIncludes(one(checks, "igmp").why ?? "", "querier of IGMP v2 was heard");
  assertStringIncludes(one(checks, "multicast-out").why ?? "", "although a querier is there");
  // V3 is what a system speaks that never heard any: no claim then.
  assertStringIncludes(one(allChecks({}), "igmp").why ?? "", "cannot be seen");
});

Deno.test("a silent node fails once, with what the others know of it", () => {
  for (
    const [known, why] of [["heard", /cannot be told apart/], ["relayed", /other nodes hear it/]] as const
  ) {
    const checks = allChecks({ peers: [peerSeen("b", "", { known, session: null, clock: null })] });
    assertEquals(troubles(checks), ["reached fail", "clock skipped"]);
    assert(why.test(one(checks, "reached").why ?? ""));
  }
  // Silent on one interface and there on another is no more than a warning.
  const links = [waysSeen(ALL), waysSeen("", { linkKey: "eth1 key", link: "eth1" })];
  const both = [linkSeen(), linkSeen({ key: "eth1 key", name: "eth1", address: "10.1.0.1" })];
  const igmp = new Map(["eth0", "eth1"].map((name) => [name, { version: "V3", groups: ["239.255.76.86"] }]));
  const checks = allChecks({
    links: both,
    peers: [peerSeen("b", ALL, { links })],
    system: { ...seen().system, igmp },
  });
  assertEquals(troubles(checks), ["reached warn"]);
});

Deno.test("the sentence names node and interface unless what was found does so itself", () => {
  const links = [waysSeen(ALL), waysSeen("", { linkKey: "eth1 key", link: "eth1" })];
  const eth1 = linkSeen({ key: "eth1 key", name: "eth1", address: "10.1.0.1" });
  const igmp = new Map(["eth0", "eth1"].map((name) => [name, { version: "V3", groups: ["239.255.76.86"] }]));
  // A name of one letter stands in many words.
  const checks = allChecks({
    links: [linkSeen(), eth1],
    peers: [peerSeen("c", ALL, { links })],
    system: { ...seen().system, igmp },
  });
  assertStringIncludes(sentence(checks), "c on eth1: nothing comes from it (10.0.0.2)");
  const pruned = allChecks({ peers: [peerSeen("c", "uUbMB")] });
  assertStringIncludes(sentence(pruned), "on eth0: multicast to c does not arrive;");
});

Deno.test("IPv6 beside IPv4 only warns", () => {
  const ipv6 = { linkKey: "six", family: "ipv6", isSecondary: true, address: "fe80::2%eth0" } as const;
  const six = linkSeen({ key: "six", family: "ipv6", address: "fe80::1%eth0", prefix: 64, broadcast: null });
  const links = [waysSeen(ALL), waysSeen("uUM", ipv6)];
  const checks = allChecks({ links: [linkSeen(), six], peers: [peerSeen("b", ALL, { links })] });
  assertEquals(troubles(checks), ["multicast-out warn"]);
  assertStringIncludes(one(checks, "interfaces").what, "eth0 10.0.0.1/24 and IPv6");
});

Deno.test("large datagrams, sessions and clocks have findings of their own", () => {
  const links = [waysSeen(ALL, { large: { sent: 3, answered: 0 } })];
  const session = {
    address: "tcp://10.0.0.2:5000",
    rttUs: null,
    problem: { code: "unreachable", text: "connection refused" },
  };
  const clock = { offsetMs: -3_600_000, errorMs: 1 };
  const checks = allChecks({ peers: [peerSeen("b", ALL, { links, session, clock })] });
  assertEquals(troubles(checks), ["large fail", "session fail", "clock warn"]);
  assertStringIncludes(one(checks, "clock").what, "3600000.0 ms behind");
  const wrongKey = { ...session, problem: { code: "authentication", text: "another key" } };
  const keyed = allChecks({ peers: [peerSeen("b", ALL, { session: wrongKey })] });
  assertStringIncludes(one(keyed, "session").hint ?? "", "hana mesh show");
});

Deno.test("findings about this machine: interfaces", () => {
  const none = allChecks({ links: [], peers: [] });
  assertEquals(one(none, "interfaces").verdict, "fail");
  assertStringIncludes(sentence(none), "no network interface is used; try first: plug in a cable");
  const docker = { name: "docker0", address: "172.17.0.1", why: "a container's" };
  assertStringIncludes(
    one(allChecks({ links: [], ignored: [docker] }), "interfaces").hint ?? "",
    "--interface docker0",
  );
  assertEquals(one(allChecks({ missing: ["eth9"] }), "interface-missing").verdict, "fail");
  const second = linkSeen({ key: "b", name: "eth1", address: "10.0.0.9" });
  assertStringIncludes(one(allChecks({ links: [linkSeen(), second] }), "same-network").what, "10.0.0.0/24");
  const same = linkSeen({ key: "b", name: "eth1" });
  assertEquals(one(allChecks({ links: [linkSeen(), same] }), "same-address").verdict, "fail");
});

Deno.test("findings about this machine: port, echo, membership, drops, buffer, firewall", () => {
  const holder = { localAddress: "0.0.0.0", processId: 99, program: "vlc", isOurs: false, drops: 0 };
  const held = allChecks({
    isListening: false,
    portProblem: "another program holds it",
    system: { ...seen().system, portHolders: [holder] },
  });
  assertEquals(one(held, "port").what, "UDP 47676 is held by vlc (process 99)");
  assertEquals(one(held, "multicast-echo").verdict, "skipped");
  const silent = { multicast: { sent: 3, answered: 0 }, broadcast: { sent: 3, answered: 0 } };
  const deaf = { links: [linkSeen({ echo: silent })] };
  const walls: [Partial<Observations>, string][] = [
    [{}, "nft list ruleset"],
    [{ system: { ...seen().system, firewalls: ["ufw"] } }, "ufw allow"],
    [{ system: { ...seen().system, firewalls: ["firewalld"] } }, "firewall-cmd"],
    [{ os: "darwin" }, "Local Network"],
    [{ os: "windows" }, "Set-NetConnectionProfile"],
  ];
  for (const [change, hint] of walls) {
    const checks = allChecks({ ...deaf, ...change });
    assertEquals([one(checks, "multicast-echo").verdict, one(checks, "broadcast-echo").verdict], [
      "fail",
      "warn",
    ]);
    assertStringIncludes(one(checks, "multicast-echo").hint ?? "", hint);
  }
  const forgot = new Map([["eth0", { version: "V3", groups: ["224.0.0.1"] }]]);
  assertEquals(one(allChecks({ system: { ...seen().system, igmp: forgot } }), "igmp").verdict, "fail");
  const lossy = allChecks({ system: { ...seen().system, portHolders: [{ ...holder, drops: 12 }] } });
  assertStringIncludes(one(lossy, "drops").why ?? "", "vlc: 12");
  const crowd = Array.from({ length: 120 }, (_, at) => peerSeen(`n${at}`, ALL));
  const small = { ...seen().system, maxReceiveBuffer: 212_992 };
  assertEquals(one(allChecks({ peers: crowd, system: small }), "receive-buffer").verdict, "warn");
  assertEquals(one(allChecks({ system: small }), "receive-buffer").verdict, "ok");
});

Deno.test("findings about this machine: directories and the key file", () => {
  const at = (change: object, what: number) => {
    const storage = seen().storage.map((each, index) => index === what ? { ...each, ...change } : each);
    return troubles(allChecks({ storage }));
  };
  assertEquals(at({ mode: 0o755 }, 0), ["state-directory warn"]);
  assertEquals(at({ mode: 0o755 }, 1), ["run-directory fail"]);
  assertEquals(at({ mode: 0o644 }, 2), ["mesh-key-file fail"]);
  assertEquals(at({ userId: 0 }, 2), ["mesh-key-file fail"]);
  assertEquals(at({ kind: "file" }, 0), ["state-directory fail"]);
  assertEquals(at({ problem: "permission denied" }, 1), ["run-directory fail"]);
  assertEquals(at({ kind: null }, 2), []);
  assertEquals(at({ mode: null, userId: null }, 2), [], "a system without them");
});

Deno.test("strangers are told by what they are, and matter most to who hears nobody else", () => {
  const stranger = {
    source: "10.0.0.9",
    id: "ff".repeat(16),
    datagrams: 4,
    keyTag: "7a",
    version: 1,
    head: "6843",
  };
  const foreign = { ...stranger, kind: "other-key" } as const;
  assertEquals(troubles(allChecks({ strangers: [foreign] })), ["keys warn"]);
  const alone = allChecks({ strangers: [foreign], peers: [] });
  assertEquals(troubles(alone), ["keys fail"]);
  assertStringIncludes(sentence(alone), "one node with another key: 10.0.0.9; try first: if they belong");
  const open = allChecks({ strangers: [{ ...foreign, keyTag: "00" }], peers: [], trust: "open" });
  assertStringIncludes(one(open, "keys").what, "without a key");
  const versions = allChecks({ strangers: [{ ...stranger, version: 2, kind: "other-version" }] });
  assertStringIncludes(one(versions, "protocol").what, "one node of protocol version 2");
  const noise = { ...stranger, id: null, keyTag: null, version: null, kind: "not-hana" } as const;
  assertEquals(troubles(allChecks({ strangers: [noise] })), ["noise warn"]);
  assertEquals(troubles(allChecks({ strangers: [{ ...stranger, kind: "other-mesh" }] })), []);
});

Deno.test("two nodes of one name and two processes of one id are told", () => {
  const twins = allChecks({ peers: [peerSeen("wall", ALL), peerSeen("wall-2", ALL)] });
  assertEquals(troubles(twins), ["names warn"]);
  // A number behind a name alone is no conflict.
  assertEquals(troubles(allChecks({ peers: [peerSeen("wall-2", ALL)] })), []);
  const double = allChecks({ peers: [peerSeen("b", ALL, { isDouble: true })] });
  assertEquals(troubles(double), ["ids fail"]);
});

Deno.test("a node that nobody knows fails, by name and by address", () => {
  const checks = allChecks({ unknown: ["stage-left", "10.0.0.77"], peers: [] });
  const texts = checks.filter((each) => each.id === "found").map((each) => each.what);
  assertEquals(texts, ["nobody knows a node stage-left", "no node answers at 10.0.0.77"]);
});

Deno.test("a node of this machine is no network to examine", () => {
  const checks = allChecks({ peers: [peerSeen("b", "", { isHere: true, links: [] })] });
  assertEquals(troubles(checks), ["ways skipped"]);
});
