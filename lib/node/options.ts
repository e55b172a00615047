// What a node is made from.

import { HanaError, type NodeId, type Role } from "../base/mod.ts";
import type { SharedOpening } from "../discovery/mod.ts";
import type { KeyRing } from "../security/mod.ts";
import type { SessionLimits } from "../session/mod.ts";
import type { MemoryNetwork } from "../transport/mod.ts";
import type { CodecName } from "../wire/mod.ts";
import type { ProgramSettings } from "./programs.ts";
import type { StateSettings } from "./state/mod.ts";

/** How a node finds others. */
export interface DiscoverySettings {
  /** UDP port that all nodes of the mesh share. */
  readonly port?: number;
  /** IPv4 multicast group. */
  readonly group?: string;
  /** Names or addresses of the interfaces to use; all usable ones when empty. */
  readonly interfaces?: readonly string[];
  /** `host` or `host:port` that are asked by unicast, where multicast does not reach. */
  readonly seeds?: readonly string[];
  /** Whether to hear what all are told; an observer does not unless it stays to watch. */
  readonly listens?: boolean;
  /**
   * Whether to be seen by DNS-SD (Bonjour, Avahi) and to ask nodes that are announced there. By default all but observers
   * do, and those while they listen.
   */
  readonly dnsSd?: boolean;
}

/** How to make a node. */
export interface NodeOptions {
  readonly role: Role;
  /** The wanted name; the machine's name when not given. */
  readonly name?: string;
  /** Of an observer that comes again: the id that it had, so that its peers know it by that; drawn anew unless given. */
  readonly observerId?: NodeId;
  /** Version of the program, for people; 48 characters at most. */
  readonly software: string;
  /** Where identities are kept. An `observer` keeps nothing. */
  readonly stateDirectory: string;
  /** Where the local socket stands; null for a node without one. */
  readonly runDirectory: string | null;
  /** The mesh key ring, or `openMeshKeyRing()`; with an access key alone a node must not listen (`tcpPort: null`). */
  readonly keys: KeyRing;
  /** In an open mesh: let other machines send commands all the same. */
  readonly insecure?: boolean;
  /** TCP: the port (0 lets the machine choose); null for a node that only dials. */
  readonly tcpPort?: number | null;
  /** Null for a node that neither announces itself nor looks for others. */
  readonly discovery?: DiscoverySettings | null;
  /** Which app leads first: higher claims earlier, 0 to 255; 0, or the capability `leaderPriority`, unless given. */
  readonly priority?: number;
  readonly tags?: Readonly<Record<string, string>>;
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** What the machine has, laid over what is read of it: `{gpu: {0: {vramMb: 8000}}}` corrects the first card. */
  readonly resources?: Readonly<Record<string, unknown>>;
  /** Whether to read what the machine has and how busy it is; yes unless told otherwise. An observer does not. */
  readonly readsHardware?: boolean;
  /** How messages that we start are written; answers follow the peer. */
  readonly codec?: CodecName;
  /** The largest message that is accepted, in bytes. */
  readonly maxFrameBytes?: number;
  readonly limits?: Partial<SessionLimits>;
  /** Shares the opening of datagrams with other nodes of this process; a simulation of hundreds wants it. */
  readonly opening?: SharedOpening;
  /** Sessions at once; one more is refused. */
  readonly maxSessions?: number;
  /** False keeps all lanes on their streams; otherwise they go over datagrams wherever those pass. */
  readonly udpLanes?: boolean;
  /** Also listens as `mem://NAME` here; for programs with several nodes in one process. */
  readonly memory?: { readonly network: MemoryNetwork; readonly name: string };
  /** How this node takes part in the shared state; every node does. */
  readonly state?: StateSettings;
  /** Makes this node start and supervise programs; it does not unless given. An observer cannot. */
  readonly programs?: ProgramSettings;
}

/** Throws `refused` where an access key alone is to carry what needs the mesh key: being a node that others reach. */
export function checkGuest({ keys, tcpPort }: NodeOptions): void {
  if (keys.kind !== "access" || tcpPort === null) return;
  const { name, level } = keys.grant;
  throw new HanaError("refused", {
    what: "this machine cannot be a node of the mesh",
    why: `it holds an access key (${name}, ${level}): with one it asks and calls nodes, and answers nobody`,
    hint:
      "hana mesh leave --yes, then hana mesh join - (with the join code: hana mesh show --reveal, on another machine)",
  });
}
