// One switched network: who on it can hear whom, when a frame arrives, and which direction waits or is special.
// Decides cuts, clogs, isolation and which model plays a direction; delays and losses are the model's.
// Never looks into a frame.

import type { Engine } from "./engine.ts";
import {
  CUT,
  HELD,
  Link,
  type LinkModel,
  LOST,
  type Traffic,
  UniformLink,
  type UniformLinkOptions,
} from "./link.ts";
import type { Cable, SimulatedInterface } from "./network.ts";
import type { SimulatedRandom } from "./random.ts";

/** Settings of a segment. */
export interface SegmentOptions extends UniformLinkOptions {
  /** The largest IP packet; a datagram with its 28 bytes of headers must fit. */
  readonly mtuBytes?: number;
  /** Decides delay and loss instead of the uniform model. */
  readonly model?: LinkModel;
}

const ETHERNET_MTU_BYTES = 1500;
/** Frames that a clogged direction holds; what comes then is lost and counted as such by whoever sent it. */
export const MAX_HELD_FRAMES = 4096;

/** A frame in a clogged direction. `go` hears when it arrives after all, or that it is lost. */
interface HeldFrame {
  readonly from: SimulatedInterface;
  readonly to: SimulatedInterface;
  readonly bytes: number;
  readonly traffic: Traffic;
  readonly go: (delayUs: number) => void;
}

/** What is special about one direction. Counters, because faults overlap. */
class Direction {
  cuts = 0;
  clogs = 0;
  model: LinkModel | null = null;
  held: HeldFrame[] = [];

  get isPlain(): boolean {
    return this.cuts === 0 && this.clogs === 0 && this.model === null;
  }
}

/** One switched network. */
export class Segment implements Cable {
  readonly name: string;
  readonly mtuBytes: number;
  /** Decides delay and loss where no direction has a model of its own; may be replaced while the world runs. */
  model: LinkModel;
  readonly #engine: Engine;
  readonly #random: SimulatedRandom;
  readonly #attached: SimulatedInterface[] = [];
  #nextSlot = 0;
  readonly #links = new Map<string, Map<string, Link>>();
  readonly #special = new Map<string, Map<string, Direction>>();

  constructor(engine: Engine, name: string, options: SegmentOptions = {}) {
    this.#engine = engine;
    this.name = name;
    this.#random = engine.random.under(`segment:${name}`);
    this.mtuBytes = options.mtuBytes ?? ETHERNET_MTU_BYTES;
    this.model = options.model ?? new UniformLink(options);
  }

  /** The interfaces on it, in the order in which they came. */
  get attached(): readonly SimulatedInterface[] {
    return this.#attached;
  }

  /** Plugs an interface in. */
  attach(added: SimulatedInterface): void {
    added.slot = this.#nextSlot++;
    this.#attached.push(added);
  }

  /** Unplugs it for good. */
  detach(removed: SimulatedInterface): void {
    const at = this.#attached.indexOf(removed);
    if (at >= 0) this.#attached.splice(at, 1);
  }

  /** The interface that answers for an address; null when nobody does. */
  ownerOf(address: string): SimulatedInterface | null {
    for (const attached of this.#attached) if (attached.usable && attached.owns(address)) return attached;
    return null;
  }

  // Faults ------------------------------------------------------------------------------------------------------

  /**
   * From now on nothing gets from one host to the other; the way back stays as it is. What is under way arrives.
   * Cuts add up: each wants its own {@linkcode heal}, so that overlapping faults do not end each other.
   */
  cut(fromHost: string, toHost: string): void {
    this.#direction(fromHost, toHost).cuts++;
  }

  /** Undoes one {@linkcode cut}; nothing where there is none. */
  heal(fromHost: string, toHost: string): void {
    const direction = this.#special.get(fromHost)?.get(toHost);
    if (direction === undefined || direction.cuts === 0) return;
    direction.cuts--;
    this.#maybeForget(fromHost, toHost, direction);
  }

  /** Cuts every pair of a host in one group and a host in another, both ways. */
  partition(...groups: ReadonlyArray<readonly string[]>): void {
    groups.forEach((group, index) => {
      for (const other of groups.slice(index + 1)) {
        for (const a of group) {
          for (const b of other) {
            this.cut(a, b);
            this.cut(b, a);
          }
        }
      }
    });
  }

  /** Undoes every cut, however often it was made. */
  healAll(): void {
    for (const [from, targets] of [...this.#special]) {
      for (const [to, direction] of [...targets]) {
        direction.cuts = 0;
        this.#maybeForget(from, to, direction);
      }
    }
  }

  /** Holds all frames of a direction from now on. Clogs add up as cuts do. */
  clog(fromHost: string, toHost: string): void {
    this.#direction(fromHost, toHost).clogs++;
  }

  /** Undoes one {@linkcode clog}; after the last one the frames that were held leave, in order. */
  unclog(fromHost: string, toHost: string): void {
    const direction = this.#special.get(fromHost)?.get(toHost);
    if (direction === undefined || direction.clogs === 0) return;
    direction.clogs--;
    if (direction.clogs > 0) return;
    const held = direction.held;
    direction.held = [];
    this.#maybeForget(fromHost, toHost, direction);
    let lastUs = 0;
    for (const { from, to, bytes, traffic, go } of held) {
      const delayUs = this.planUs(from, to, bytes, traffic);
      if (delayUs >= 0) lastUs = Math.max(lastUs, delayUs);
      go(delayUs < 0 ? delayUs : lastUs);
    }
  }

  /** Lets `model` play one direction instead of the segment's; null gives it back. What models know of it stays. */
  setModel(fromHost: string, toHost: string, model: LinkModel | null): void {
    const direction = this.#direction(fromHost, toHost);
    direction.model = model;
    this.#maybeForget(fromHost, toHost, direction);
  }

  /** The model that plays a direction now. */
  modelOf(fromHost: string, toHost: string): LinkModel {
    return this.#special.get(fromHost)?.get(toHost)?.model ?? this.model;
  }

  /** Whether frames of one host can reach the other now, as far as the network goes: neither cut, clogged nor dead. */
  canReach(fromHost: string, toHost: string): boolean {
    const direction = this.#special.get(fromHost)?.get(toHost);
    if (direction !== undefined && (direction.cuts > 0 || direction.clogs > 0)) return false;
    return (direction?.model ?? this.model).isBlocked !== true;
  }

  // Frames ------------------------------------------------------------------------------------------------------

  /**
   * Microseconds until a frame of `bytes` arrives, or why it does not: `LOST`, `CUT`, or `HELD`, which wants
   * {@linkcode hold}. What else befell it stands in {@linkcode lastLink}.
   */
  planUs(from: SimulatedInterface, to: SimulatedInterface, bytes: number, traffic: Traffic): number {
    if (!from.usable || !to.usable || from.isolated || to.isolated) return CUT;
    let model = this.model;
    const direction = this.#special.size === 0
      ? undefined
      : this.#special.get(from.hostName)?.get(to.hostName);
    if (direction !== undefined) {
      if (direction.cuts > 0) return CUT;
      if (direction.clogs > 0) return direction.held.length < MAX_HELD_FRAMES ? HELD : LOST;
      model = direction.model ?? model;
    }
    const link = from.links[to.slot] ??= this.#link(from.hostName, to.hostName);
    this.lastLink = link;
    link.beginFrame();
    if (traffic === "group" && (from.groupLoss > 0 || to.groupLoss > 0)) {
      const passes = (1 - from.groupLoss) * (1 - to.groupLoss);
      if (passes <= 0 || link.drawForSegment() >= passes) return LOST;
    }
    if (traffic !== "stream" && model.mtuBytes !== undefined && bytes > model.mtuBytes) return LOST;
    return model.planUs(link, bytes, this.#engine.nowUs, traffic);
  }

  /** The direction of the last frame that {@linkcode planUs} found a delay for. */
  lastLink: Link | null = null;

  /** Keeps a frame that was `HELD` until its direction is free. */
  hold(
    from: SimulatedInterface,
    to: SimulatedInterface,
    bytes: number,
    traffic: Traffic,
    go: (delayUs: number) => void,
  ): void {
    this.#direction(from.hostName, to.hostName).held.push({ from, to, bytes, traffic, go });
  }

  #direction(from: string, to: string): Direction {
    let targets = this.#special.get(from);
    if (targets === undefined) this.#special.set(from, targets = new Map());
    let direction = targets.get(to);
    if (direction === undefined) targets.set(to, direction = new Direction());
    return direction;
  }

  #maybeForget(from: string, to: string, direction: Direction): void {
    if (!direction.isPlain) return;
    const targets = this.#special.get(from);
    targets?.delete(to);
    if (targets?.size === 0) this.#special.delete(from);
  }

  #link(from: string, to: string): Link {
    let links = this.#links.get(from);
    if (links === undefined) this.#links.set(from, links = new Map());
    let link = links.get(to);
    if (link === undefined) {
      links.set(to, link = new Link(from, to, this.#random));
    }
    return link;
  }
}
