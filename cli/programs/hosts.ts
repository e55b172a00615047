// The nodes that supervise programs, as a command reaches them: one session each, and what they say of their programs.
// Decides which nodes are meant and which one a program's name means; never what is asked of them.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { CLOCK, type NodeView } from "../../lib/node/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import { LIST_PROGRAMS, type ProgramSnapshot } from "../../lib/supervision/mod.ts";
import { nearest } from "../config/mod.ts";
import type { Cli } from "../frame/mod.ts";
import { isPresent } from "../nodes/filter.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { hostOfProgramUnknown, noNodeHere, ofHost } from "./errors.ts";
import type { ProgramAddress } from "./names.ts";
import { type NodeChoice, readSelector } from "./selector.ts";

const LOOK_TIMEOUT_US = 1_000_000;
/** A node that does not answer within this is silent: what others say is shown without it. */
const ANSWER_US = 3_000_000;

/** Clocks that differ by less are the same to people. */
const CLOCK_NOISE_MS = 20;

/** A node that is reached. */
export interface Host {
  readonly name: string;
  readonly id: string;
  /** Whether it is the node of this machine. */
  readonly self: boolean;
  readonly session: Session;
  /** How far its wall clock is ahead of ours, in milliseconds; null until it is known. */
  aheadMs: number;
}

/** A node that is not. */
export interface SilentHost {
  readonly name: string;
  readonly error: HanaError;
}

/** A host and its programs. */
export interface ListedHost {
  readonly host: Host;
  readonly programs: readonly ProgramSnapshot[];
  readonly eventId: number;
}

/** What several hosts answered. */
export interface Listing {
  readonly listed: readonly ListedHost[];
  readonly silent: readonly SilentHost[];
}

/** A program and where it is. */
export interface Found {
  readonly host: Host;
  readonly program: ProgramSnapshot;
}

/** The nodes of the mesh that have programs. */
export class Hosts {
  readonly #hosts = new Map<string, Promise<Host>>();

  private constructor(readonly cli: Cli, readonly client: MeshClient) {}

  /** Looks at the mesh, through the node of this machine if one runs. `watch`: goes on hearing of nodes. */
  static async open(cli: Cli, watch = false): Promise<Hosts> {
    return new Hosts(cli, await MeshClient.open(cli, { timeoutUs: LOOK_TIMEOUT_US, watch }));
  }

  /** Looks through the node of this machine alone; null when none runs. */
  static async openLocal(cli: Cli): Promise<Hosts | null> {
    const client = await MeshClient.openLocal(cli);
    return client === null ? null : new Hosts(cli, client);
  }

  /** The node of this machine. Throws `not-found` when none runs. */
  here(): Promise<Host> {
    const { local } = this.client;
    if (local === null) throw noNodeHere();
    return this.#keep(
      local.peer.id,
      () =>
        Promise.resolve({ name: local.peer.name, id: local.peer.id, self: true, session: local, aheadMs: 0 }),
    );
  }

  /** The session with a node. Rejects with why it cannot be reached. */
  reach(node: NodeView): Promise<Host> {
    if (node.id === this.client.local?.peer.id) return this.here();
    return this.#keep(node.id, async () => {
      const session = await this.client.node.open(node, { timeoutUs: ANSWER_US });
      return { name: node.name, id: node.id, self: false, session, aheadMs: 0 };
    });
  }

  /** Forgets a session that ended, so that the next call makes another. */
  forget(host: Host): void {
    this.#hosts.delete(host.id);
  }

  #keep(id: string, make: () => Promise<Host>): Promise<Host> {
    let host = this.#hosts.get(id);
    if (host === undefined) {
      host = make();
      this.#hosts.set(id, host);
      host.catch(() => this.#hosts.delete(id));
    }
    return host;
  }

  /** Which nodes `--on` means. Throws `not-found` or `usage`. */
  async choose(on: string): Promise<NodeChoice> {
    return readSelector(on, await this.client.nodes(), this.client.via);
  }

  /** All nodes that may have programs. */
  async candidates(): Promise<NodeView[]> {
    return (await this.client.nodes()).filter((node) => isPresent(node) && node.role !== "observer");
  }

  /** What one host says of its programs. */
  async list(host: Host): Promise<ListedHost> {
    try {
      const askedMs = Date.now();
      const [reply, clock] = await Promise.all([
        host.session.request(LIST_PROGRAMS, {}, { timeoutUs: ANSWER_US }),
        host.self ? null : host.session.request(CLOCK, {}, { timeoutUs: ANSWER_US }).catch(() => null),
      ]);
      if (clock !== null) host.aheadMs = aheadOf(clock.wallMs, askedMs, Date.now());
      return { host, programs: reply.programs as ProgramSnapshot[], eventId: reply.eventId };
    } catch (thrown) {
      throw ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
    }
  }

  /**
   * What these nodes say of their programs. A node without supervision is passed over, unless `named`: then its error is
   * among the silent ones.
   */
  async listAll(nodes: readonly NodeView[], named: boolean): Promise<Listing> {
    const listed: ListedHost[] = [];
    const silent: SilentHost[] = [];
    await Promise.all(nodes.map(async (node) => {
      try {
        listed.push(await this.list(await this.reach(node)));
      } catch (thrown) {
        const error = toHanaError(thrown, "unreachable", `${node.name} cannot be reached`);
        if (named || !isWithoutPrograms(error)) silent.push({ name: node.name, error });
      }
    }));
    listed.sort((a, b) => byName(a.host, b.host));
    silent.sort(byName);
    return { listed, silent };
  }

  /**
   * The program that is meant: of the node that was named, else of this machine, else of the only one that has it.
   * Throws `not-found`, or `usage` naming those that have it.
   */
  async find(address: ProgramAddress, command: string): Promise<Found> {
    if (address.node !== null) {
      const { nodes } = await this.choose(address.node);
      const [node, second] = nodes;
      if (node === undefined || second !== undefined) {
        throw new HanaError("usage", {
          what: `${address.node} means ${nodes.length} nodes`,
          why: nodes.map(({ name }) => name).slice(0, 6).join(", "),
          hint: `hana ps ${address.name} --on ${address.node}`,
        });
      }
      const listed = await this.list(await this.reach(node));
      return { host: listed.host, program: ofThese(listed, address.name, command) };
    }
    if (this.client.local !== null) {
      try {
        const here = await this.list(await this.here());
        const program = here.programs.find(({ name }) => name === address.name);
        if (program !== undefined) return { host: here.host, program };
      } catch (thrown) {
        if (!(thrown instanceof HanaError) || !isWithoutPrograms(thrown)) throw thrown;
      }
    }
    const { listed, silent } = await this.listAll(await this.candidates(), false);
    const found = listed.flatMap(({ host, programs }) =>
      programs.filter(({ name }) => name === address.name).map((program) => ({ host, program }))
    );
    const [first, second] = found;
    if (first === undefined) throw hostOfProgramUnknown(address.name, listed, silent, command);
    if (second === undefined) return first;
    const names = found.map(({ host }) => `${address.name}@${host.name}`);
    throw new HanaError("usage", {
      what: `${address.name} runs on ${found.length} nodes`,
      why: names.length <= 6
        ? names.join(", ")
        : `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`,
      hint: `${command} ${names[0]}`,
    });
  }

  /** Says goodbye and leaves nothing behind. */
  close(): Promise<void> {
    return this.client.close();
  }
}

/** How far a clock that said `wallMs` in between is ahead; 0 where that is no more than the asking took. */
function aheadOf(wallMs: number, askedMs: number, answeredMs: number): number {
  const ahead = Math.round(wallMs - (askedMs + answeredMs) / 2);
  return Math.abs(ahead) <= (answeredMs - askedMs) / 2 + CLOCK_NOISE_MS ? 0 : ahead;
}

/** Whether a node answered that it has nothing to do with programs. */
export function isWithoutPrograms(error: HanaError): boolean {
  const cause = error.cause instanceof HanaError ? error.cause : error;
  return cause.code === "unknown-message" || error.code === "unknown-message";
}

function ofThese(listed: ListedHost, name: string, command: string): ProgramSnapshot {
  const program = listed.programs.find((each) => each.name === name);
  if (program !== undefined) return program;
  const names = listed.programs.map((each) => each.name);
  const near = nearest(name, names);
  throw new HanaError("not-found", {
    what: `${listed.host.name} has no program ${name}`,
    why: near !== null
      ? `did you mean ${near}?`
      : names.length === 0
      ? "it has none at all"
      : `it has ${names.slice(0, 6).join(", ")}${names.length > 6 ? ` and ${names.length - 6} more` : ""}`,
    hint: near !== null ? `${command} ${near}@${listed.host.name}` : `hana ps --on ${listed.host.name}`,
  });
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
