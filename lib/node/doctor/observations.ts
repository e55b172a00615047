// What an examination of the mesh has seen: plain data, gathered by the runner and judged by checks alone.
// Decides the vocabulary; never what is good or bad about it.

import type { NodeId } from "../../base/mod.ts";
import type { Path } from "../../discovery/mod.ts";
import type { IpFamily, OperatingSystem } from "../../platform/mod.ts";

/** How often something was tried, and how often it worked. */
export interface Tries {
  sent: number;
  answered: number;
}

/** One link of this machine and its own echo. */
export interface LinkObservation {
  readonly key: string;
  readonly name: string;
  readonly family: IpFamily;
  readonly address: string;
  readonly prefix: number;
  /** Null where the network has none. */
  readonly broadcast: string | null;
  readonly loopback: boolean;
  /** Our own datagrams: how many left, how many came back. */
  readonly echo: Readonly<Record<"multicast" | "broadcast", Tries>>;
  /** Why it cannot be used or joined; null when it can. */
  readonly problem: string | null;
}

/** An interface that is not used, and why. */
export interface IgnoredInterface {
  readonly name: string;
  readonly address: string;
  readonly why: string;
}

/** A peer on one link. Ways are those of discovery. */
export interface PeerLinkObservation {
  /** Key and name of our link. */
  readonly linkKey: string;
  readonly link: string;
  readonly family: IpFamily;
  /** An IPv6 link beside one of IPv4, which does its work alone if it must. */
  readonly isSecondary: boolean;
  /** Where the peer is there; null when only heard of. */
  readonly address: string | null;
  /** It is in no network of ours, so that nothing sent to all reaches it. */
  readonly isRouted: boolean;
  /** Pings that went this way, and answers to them whatever way those came. */
  readonly out: Readonly<Record<Path, Tries>>;
  /** Datagrams of the peer that came this way. */
  readonly in: Readonly<Record<Path, number>>;
  /** Pings of the largest datagram, 1,200 B. */
  readonly large: Tries;
  /** Best round trip by unicast in µs. */
  readonly rttUs: number | null;
}

/** What a try at a session came to. */
export interface SessionObservation {
  /** Where it went; null when there was no way to try. */
  readonly address: string | null;
  readonly rttUs: number | null;
  /** Null when it worked. */
  readonly problem: { readonly code: string; readonly text: string } | null;
  /** Which way its lanes took, and why; `isAsking`: datagrams were tried and none came back. */
  readonly lanes?: {
    readonly carrier: "udp" | "stream";
    readonly remote: string;
    readonly why: string;
    readonly isAsking: boolean;
  };
}

/** The peer's wall clock minus ours. */
export interface ClockObservation {
  readonly offsetMs: number;
  /** Half of the round trip: the offset may be wrong by that much. */
  readonly errorMs: number;
}

/** Another node. */
export interface PeerObservation {
  /** Null for an address that was asked for and did not answer. */
  readonly id: NodeId | null;
  readonly name: string;
  readonly version: string;
  readonly state: string;
  /** Runs on this machine: then there is no network between. */
  readonly isHere: boolean;
  /** How it is known: `heard` by ourselves, `relayed` by others, `listed` by the node of this machine alone. */
  readonly known: "heard" | "relayed" | "listed";
  readonly links: readonly PeerLinkObservation[];
  /** Beat period in ms as it last said. */
  readonly beatMs: number;
  /** Processes that spoke under its id, and whether two of them did so in turns. */
  readonly processes: number;
  readonly isDouble: boolean;
  /** Null when none was tried. */
  readonly session: SessionObservation | null;
  readonly clock: ClockObservation | null;
}

/** Somebody else's datagrams: those of one node as it calls itself, or of one source. */
export interface StrangerObservation {
  /** An address that it speaks from; its IPv4 one if there is one. */
  readonly source: string;
  /** The id that it claims; null for what is not hana's. */
  readonly id: string | null;
  readonly datagrams: number;
  /** `0` for a mesh without key, else the hint of its key in hex; null for what is not hana's. */
  readonly keyTag: string | null;
  /** Version of the protocol; null for what is not hana's. */
  readonly version: number | null;
  /** The first bytes of what is not hana's. */
  readonly head: string;
  readonly kind: "other-key" | "other-mesh" | "other-version" | "not-hana";
}

/** A UDP socket on the discovery port. */
export interface PortHolder {
  readonly localAddress: string;
  readonly processId: number | null;
  /** Null when it may not be known. */
  readonly program: string | null;
  readonly isOurs: boolean;
  /** Datagrams that the system dropped because its buffer was full. */
  readonly drops: number;
}

/** What the system tells of its network; null for what this one does not tell. */
export interface SystemObservation {
  readonly portHolders: readonly PortHolder[] | null;
  /** Largest receive buffer that a program may ask for, in bytes. */
  readonly maxReceiveBuffer: number | null;
  /** By interface: version of IGMP that it speaks, and groups that it has joined. */
  readonly igmp: ReadonlyMap<string, { readonly version: string; readonly groups: readonly string[] }> | null;
  /** Firewalls that are there, as people know them; empty when none was found. */
  readonly firewalls: readonly string[] | null;
}

/** A file or directory that must be as it should. */
export interface StorageObservation {
  readonly what: "state directory" | "run directory" | "mesh key file";
  readonly path: string;
  /** Null when it is not there. */
  readonly kind: string | null;
  readonly mode: number | null;
  readonly userId: number | null;
  /** Why it could not be looked at. */
  readonly problem: string | null;
}

/** Everything. */
export interface Observations {
  readonly os: OperatingSystem;
  readonly ownUserId: number | null;
  readonly trust: "keyed" | "open";
  readonly group: string;
  readonly port: number;
  /** What hana's protocol version is here. */
  readonly protocolVersion: number;
  /** How long was listened, in ms. */
  readonly listenedMs: number;
  /** Whether multicast and broadcast could be heard at all. */
  readonly isListening: boolean;
  /** Why not. */
  readonly portProblem: string | null;
  readonly links: readonly LinkObservation[];
  readonly ignored: readonly IgnoredInterface[];
  readonly missing: readonly string[];
  readonly peers: readonly PeerObservation[];
  readonly strangers: readonly StrangerObservation[];
  readonly system: SystemObservation;
  readonly storage: readonly StorageObservation[];
  /** Names or addresses that were asked for and are known to nobody. */
  readonly unknown: readonly string[];
  /** Whether this machine alone was examined. */
  readonly isLocalOnly: boolean;
  /** Name of the node that runs on this machine; null without one. */
  readonly localNode: string | null;
}
