// What is right or wrong between this machine and the others: every way in both directions, large datagrams, sessions,
// clocks. Decides which direction fails from what came back: an answer proves the way of its question and the way on
// which it came, silence proves nothing until something else has come from that node.

import type { Path } from "../../discovery/mod.ts";
import { type Check, check } from "./checks.ts";
import { blockedHint } from "./machine_checks.ts";
import type { Observations, PeerLinkObservation, PeerObservation } from "./observations.ts";

/** What is known of a way in one direction. */
export type WayState = "works" | "fails" | "unknown" | "none";

/** All ways between this machine and a peer on one link. */
export interface WayStates {
  readonly out: Readonly<Record<Path, WayState>>;
  readonly in: Readonly<Record<Path, WayState>>;
}

/** Ways in the order in which they are told. */
export const WAYS: readonly Path[] = ["unicast", "multicast", "broadcast"];

/** Beats in which a way that is used every beat must have shown. */
const BEATS_TO_HEAR = 2;
/** A clock that is this far off confuses people who compare logs, in ms. Nothing in hana depends on it. */
const CLOCK_WARN_MS = 5_000;

/** What the observations of one link prove. `isListening`: whether group and broadcast could be heard here. */
export function wayStatesOf(
  link: PeerLinkObservation,
  surroundings: {
    readonly isListening: boolean;
    readonly hasBroadcast: boolean;
    readonly waitedBeats: number;
  },
): WayStates {
  const { out, in: heard } = link;
  const isHeardAtAll = WAYS.some((way) => heard[way] > 0);
  const isShoutAnswered = out.multicast.answered > 0 || out.broadcast.answered > 0;
  const isAnswered = isShoutAnswered || out.unicast.answered > 0;
  const { isListening, hasBroadcast, waitedBeats } = surroundings;
  const isNone = (way: Path): boolean =>
    (way === "broadcast" && !hasBroadcast) || (way !== "unicast" && link.isRouted);
  const inState = (way: Path): WayState => {
    if (isNone(way)) return "none";
    if (heard[way] > 0) return "works";
    if (way !== "unicast" && !isListening) return "unknown";
    // Every answer also comes by unicast; answers to what went to all come by multicast and by broadcast, too.
    if (way === "unicast") return isAnswered ? "fails" : "unknown";
    if (isShoutAnswered) return "fails";
    // Beats are multicast; broadcast has a share of them only.
    return way === "multicast" && isHeardAtAll && waitedBeats >= BEATS_TO_HEAR ? "fails" : "unknown";
  };
  const outState = (way: Path): WayState => {
    const { sent, answered } = out[way];
    if (isNone(way)) return "none";
    if (answered > 0) return "works";
    if (sent === 0) return "unknown";
    // An answer to unicast comes by unicast alone, one to the others by every way.
    return (way === "unicast" ? heard.unicast > 0 : isHeardAtAll) ? "fails" : "unknown";
  };
  return {
    out: { unicast: outState("unicast"), multicast: outState("multicast"), broadcast: outState("broadcast") },
    in: { unicast: inState("unicast"), multicast: inState("multicast"), broadcast: inState("broadcast") },
  };
}

/** All findings about other nodes. */
export function peerChecks(seen: Observations): Check[] {
  const checks: Check[] = [];
  for (const name of seen.unknown) checks.push(unknownCheck(name));
  for (const peer of seen.peers) checks.push(...onePeer(seen, peer));
  checks.push(...networkChecks(seen));
  return checks;
}

function unknownCheck(name: string): Check {
  const isAddress = /^[0-9.]+(:\d+)?$/.test(name);
  return check(
    "found",
    "found",
    "fail",
    isAddress ? `no node answers at ${name}` : `nobody knows a node ${name}`,
    {
      node: name,
      why: "it is not running, has another key, or nothing of it reaches this machine",
      hint: `on that machine: hana doctor --local; here: ${
        isAddress ? `ping ${name.replace(/:.*/, "")}` : "hana doctor ADDRESS"
      }`,
      weight: 86,
    },
  );
}

function onePeer(seen: Observations, peer: PeerObservation): Check[] {
  const checks: Check[] = [];
  const on = { node: peer.name };
  if (peer.isHere) {
    checks.push(
      check("ways", "network", "skipped", "runs on this machine: there is no network between", on),
    );
  } else {
    if (peer.links.length === 0) {
      checks.push(check("found", "network", "fail", "no interface of this machine leads to it", {
        ...on,
        why: "none of its addresses lies in a network of this machine",
        hint: "give both an address in one subnet, or name it: hana serve --peer ADDRESS",
        weight: 55,
      }));
    }
    for (const link of peer.links) checks.push(...linkOfPeer(seen, peer, link));
  }
  if (peer.session !== null) checks.push(sessionCheck(peer, peer.session));
  const lanes = peer.session?.lanes;
  if (lanes !== undefined && !peer.isHere) checks.push(lanesCheck(peer, lanes));
  if (!peer.isHere) checks.push(clockCheck(peer));
  return checks;
}

/** What the ways of a peer prove on one link. */
export function statesOf(seen: Observations, peer: PeerObservation, link: PeerLinkObservation): WayStates {
  const facts = seen.links.find((each) => each.key === link.linkKey);
  return wayStatesOf(link, {
    isListening: seen.isListening,
    hasBroadcast: facts?.broadcast !== null && facts !== undefined,
    waitedBeats: seen.listenedMs / Math.max(1, peer.beatMs),
  });
}

function linkOfPeer(seen: Observations, peer: PeerObservation, link: PeerLinkObservation): Check[] {
  const on = { node: peer.name, interface: link.link, family: link.family };
  const states = statesOf(seen, peer, link);
  const isSilent = WAYS.every((way) => link.in[way] === 0);
  if (isSilent) {
    const isElsewhere = peer.links.some((other) => other !== link && WAYS.some((way) => other.in[way] > 0));
    const at = link.address === null ? "" : ` (${link.address})`;
    return [
      check(
        "reached",
        "reached",
        isElsewhere ? "warn" : "fail",
        `nothing comes from it${at} and no ping is answered`,
        {
          ...on,
          why: isElsewhere
            ? "it is there on another interface: a cable is out, or its interface on this network is down"
            : silenceReason(peer.known),
          hint: isElsewhere
            ? `look at the cables of ${link.link} and at that interface of ${peer.name}`
            : peer.known === "relayed"
            ? `on WiFi: turn client isolation off; else on ${peer.name}: hana doctor --local`
            : `on ${peer.name}: hana doctor --local; here: ping ${link.address ?? peer.name}`,
          weight: isElsewhere ? 28 : 58,
        },
      ),
    ];
  }
  const checks: Check[] = [];
  for (const way of WAYS) {
    for (const direction of ["out", "in"] as const) {
      // IPv6 knows no broadcast: nothing is missing.
      if (way === "broadcast" && link.family === "ipv6") continue;
      checks.push(wayCheck(seen, peer, link, states, way, direction));
    }
  }
  checks.push(largeCheck(peer, link, states));
  return checks;
}

function silenceReason(known: PeerObservation["known"]): string {
  switch (known) {
    case "relayed":
      return "other nodes hear it: an access point keeps its clients apart (client isolation), or a firewall is between";
    case "listed":
      return "the node of this machine lists it; it may just have gone, or a firewall is between";
    case "heard":
      return "nothing goes there, nothing comes back, or nobody is there: from here this cannot be told apart";
  }
}

function wayCheck(
  seen: Observations,
  peer: PeerObservation,
  link: PeerLinkObservation,
  states: WayStates,
  way: Path,
  direction: "out" | "in",
): Check {
  const id = `${way}-${direction}`;
  const label = `${way} ${direction}`;
  const on = { node: peer.name, interface: link.link, family: link.family };
  const state = states[direction][way];
  const fromTo = direction === "out" ? `to ${peer.name}` : `from ${peer.name}`;
  if (state === "works") {
    const rtt = way === "unicast" && direction === "out" && link.rttUs !== null
      ? ` (${(link.rttUs / 1000).toFixed(1)} ms)`
      : "";
    return check(id, label, "ok", `${way} ${fromTo} arrives${rtt}`, on);
  }
  if (state === "none") {
    return check(
      id,
      label,
      "skipped",
      link.isRouted
        ? `${peer.name} is behind a router, where unicast alone goes`
        : "this network has no broadcast",
      on,
    );
  }
  if (state === "unknown") {
    const why = direction === "in" && way !== "unicast" && !seen.isListening
      ? "nothing sent to all can be heard while the discovery port is held"
      : direction === "in" && way === "broadcast"
      ? "a node broadcasts rarely of its own accord, and no question to all was answered"
      : "what would prove it has not come back either";
    return check(id, label, "skipped", `whether ${way} ${fromTo} arrives cannot be told`, { ...on, why });
  }
  const what = `${way} ${fromTo} does not arrive`;
  const texts = way === "unicast"
    ? unicastTexts(seen, peer, link, direction)
    : sharedTexts(seen, peer, link, states, way, direction);
  // IPv4 carries the mesh where there is both: what fails beside it is worth knowing and no more.
  const rank = link.isSecondary
    ? { verdict: "warn" as const, weight: 8, hint: "nothing as long as IPv4 works" }
    : {};
  const { verdict, why, hint, weight } = { ...texts, ...rank };
  return check(id, label, verdict, what, { ...on, why, hint, weight });
}

interface FailureTexts {
  readonly verdict: "warn" | "fail";
  readonly why: string;
  readonly hint: string;
  readonly weight: number;
}

function unicastTexts(
  seen: Observations,
  peer: PeerObservation,
  link: PeerLinkObservation,
  direction: "out" | "in",
): FailureTexts {
  return direction === "out"
    ? {
      verdict: "fail",
      why: "its firewall drops UDP, or an access point keeps its clients apart (client isolation)",
      hint: `on ${peer.name}: allow UDP to hana in its firewall; on WiFi: turn client isolation off`,
      weight: 56,
    }
    : {
      verdict: "fail",
      why: "its questions arrive and its answers do not: a firewall here drops UDP",
      hint: blockedHint(seen, { name: link.link }),
      weight: 57,
    };
}

/** Why multicast or broadcast fails: what the other one does tells where to look. */
function sharedTexts(
  seen: Observations,
  peer: PeerObservation,
  link: PeerLinkObservation,
  states: WayStates,
  way: "multicast" | "broadcast",
  direction: "out" | "in",
): FailureTexts {
  const other = way === "multicast" ? "broadcast" : "multicast";
  const otherWorks = states[direction][other] === "works";
  const receiver = direction === "out" ? peer.name : "this machine";
  const facts = seen.links.find((each) => each.key === link.linkKey);
  if (way === "broadcast" && otherWorks) {
    return {
      verdict: "warn",
      why: "multicast does: a switch or access point filters broadcast; hana manages without",
      hint: "nothing, unless multicast fails one day as well",
      weight: 12,
    };
  }
  if (way === "multicast" && otherWorks) {
    return {
      verdict: "fail",
      why:
        `broadcast does: a switch or access point keeps multicast from ${receiver} (${
          snoopingText(seen, link.link)
        }); ` +
        "hana goes on by broadcast",
      hint: snoopingHint(seen, link.link),
      weight: 50,
    };
  }
  const isOwnEchoGone = direction === "in" && facts !== undefined && facts.echo.multicast.sent > 0 &&
    facts.echo.multicast.answered === 0;
  if (isOwnEchoGone) {
    return {
      verdict: "fail",
      why: "our own does not come back either: this machine drops it",
      hint: blockedHint(seen, { name: link.link }),
      weight: 54,
    };
  }
  return {
    verdict: way === "multicast" ? "fail" : "warn",
    why: `${other} does not either: a switch or access point passes nothing that is sent to all, ` +
      `or a firewall on ${receiver} lets only answers in`,
    hint: `hana serve --peer ${
      link.address ?? peer.name
    }, which needs neither; on WiFi: turn client isolation off`,
    weight: way === "multicast" ? 52 : 14,
  };
}

/** What snooping may have done, with what is known of a querier. */
function snoopingText(seen: Observations, link: string): string {
  return hasQuerier(seen, link)
    ? "IGMP snooping, which has lost the membership although a querier is there"
    : "IGMP snooping without a querier, or with a membership that it forgot";
}

function snoopingHint(seen: Observations, link: string): string {
  return hasQuerier(seen, link)
    ? "on the switch: turn IGMP snooping off, or clear its table; hana joins anew within a minute"
    : "on the switch: turn IGMP snooping off, or an IGMP querier on";
}

/** Whether a querier was heard for sure; the system tells it of the older versions alone. */
function hasQuerier(seen: Observations, link: string): boolean {
  const version = seen.system.igmp?.get(link)?.version;
  return version !== undefined && version !== "V3";
}

function largeCheck(peer: PeerObservation, link: PeerLinkObservation, states: WayStates): Check {
  const on = { node: peer.name, interface: link.link, family: link.family };
  const { sent, answered } = link.large;
  if (answered > 0) return check("large", "large datagrams", "ok", "1,200 B arrive there in one piece", on);
  if (sent === 0 || states.out.unicast !== "works") {
    return check("large", "large datagrams", "skipped", "not tried: small ones do not arrive either", on);
  }
  const verdict = link.isSecondary ? "warn" : "fail";
  return check("large", "large datagrams", verdict, "1,200 B do not arrive there, small datagrams do", {
    ...on,
    why: "something on the way carries less than 1,228 B in a packet (MTU) and drops the rest",
    hint: `ip link show ${link.link}; the MTU of every switch, tunnel and interface must be 1280 at least`,
    weight: link.isSecondary ? 8 : 53,
  });
}

// --- sessions and clocks -------------------------------------------------------------------------------------------

function sessionCheck(peer: PeerObservation, session: NonNullable<PeerObservation["session"]>): Check {
  const on = { node: peer.name };
  const { problem, address, rttUs } = session;
  if (problem === null) {
    const rtt = rttUs === null ? "" : ` (${(rttUs / 1000).toFixed(1)} ms)`;
    return check("session", "session", "ok", `reached at ${address ?? "its address"}${rtt}`, on);
  }
  const isKey = problem.code === "authentication" || problem.code === "refused";
  return check("session", "session", "fail", `cannot be reached at ${address ?? "any address"}`, {
    ...on,
    why: problem.text,
    hint: isKey
      ? "the same key on both: hana mesh show"
      : `on ${peer.name}: allow TCP to hana in its firewall; a fixed port helps: hana serve --port 47677`,
    weight: 48,
  });
}

function lanesCheck(
  peer: PeerObservation,
  { carrier, remote, why, isAsking }: NonNullable<NonNullable<PeerObservation["session"]>["lanes"]>,
): Check {
  const on = { node: peer.name };
  if (carrier === "udp") return check("lanes", "lanes", "ok", `messages go by UDP, to ${remote}`, on);
  if (!isAsking) return check("lanes", "lanes", "skipped", `messages go by TCP: ${why}`, on);
  return check(
    "lanes",
    "lanes",
    "warn",
    "messages go by TCP, so that lost packets hold up the newest values",
    {
      ...on,
      why,
      hint:
        `on ${peer.name} and here: allow UDP in the firewall, to the port of hana's TCP; a fixed one helps: ` +
        "hana serve --port 47677",
      weight: 24,
    },
  );
}

function clockCheck(peer: PeerObservation): Check {
  const on = { node: peer.name };
  if (peer.clock === null) {
    return check(
      "clock",
      "clock",
      "skipped",
      "not compared: it takes a session, and a hana that tells its time",
      on,
    );
  }
  const { offsetMs, errorMs } = peer.clock;
  const text = `${Math.abs(offsetMs).toFixed(1)} ms ${offsetMs < 0 ? "behind" : "ahead"} (± ${
    errorMs.toFixed(1)
  } ms)`;
  if (Math.abs(offsetMs) - errorMs < CLOCK_WARN_MS) return check("clock", "clock", "ok", text, on);
  return check("clock", "clock", "warn", text, {
    ...on,
    why: "hana does not care, but times in logs of the two machines cannot be compared",
    hint: "set the time, or run one NTP server in the network",
    weight: 5,
  });
}

// --- the network as a whole ----------------------------------------------------------------------------------------

/** What all peers of a link have in common says more than each of them: the network, or this machine. */
function networkChecks(seen: Observations): Check[] {
  const checks: Check[] = [];
  for (const facts of seen.links) {
    if (facts.loopback) continue;
    const states: WayStates[] = [];
    for (const peer of seen.peers) {
      if (peer.isHere) continue;
      for (const link of peer.links) {
        if (link.linkKey === facts.key && WAYS.some((way) => link.in[way] > 0)) {
          states.push(statesOf(seen, peer, link));
        }
      }
    }
    if (states.length < 2) continue;
    const all = (direction: "out" | "in", way: Path): boolean =>
      states.every((each) => each[direction][way] === "fails");
    const isIn = all("in", "multicast");
    const isOut = all("out", "multicast");
    if (!isIn && !isOut) continue;
    const both = isIn && isOut;
    const broadcastWorks = states.some((each) =>
      each.in.broadcast === "works" || each.out.broadcast === "works"
    );
    const direction = both ? "neither from nor to any" : isIn ? "from none" : "to none";
    checks.push(
      check(
        "network-multicast",
        "multicast",
        "fail",
        `multicast arrives ${direction} of ${states.length} nodes`,
        {
          interface: facts.name,
          family: facts.family,
          why: broadcastWorks
            ? both
              ? `broadcast does: the switches or access points filter multicast (${
                snoopingText(seen, facts.name)
              })`
              : `broadcast does: the port of this machine is filtered (IGMP snooping${
                isIn ? ", which took its membership away" : ""
              })`
            : "broadcast does not either: client isolation, or a firewall on this machine",
          hint: broadcastWorks
            ? snoopingHint(seen, facts.name)
            : "name the machines: hana serve --peer ADDRESS; on WiFi: turn client isolation off",
          weight: 72,
        },
      ),
    );
  }
  return checks;
}
