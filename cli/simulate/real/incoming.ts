// What happens to what comes in from a host: lost, late, twice, altered, held.
// Decides by the same link models and the same named random streams as the simulator; plays delays that a real timer
// can play and leaves shorter ones to the real network. Never looks into what comes.

import type { LinkSpec } from "../../../lib/simulate/mod.ts";
import { Link, LOST, SimulatedRandom, SpecLink, type Traffic } from "../../../lib/simulate/mod.ts";
import type { Fates, Impairments } from "./channel.ts";
import type { ImpairedState } from "./impaired_state.ts";

/** Real timers are about a millisecond late, and a real network takes some tenths: shorter delays are theirs. */
const LEAST_DELAY_US = 700;
/** Datagrams that wait while their way is clogged; more are lost, as in a full queue. */
const MAX_HELD = 4_096;
/** A lost segment is sent again after this long, doubling up to the second figure (as in lib/platform/simulated). */
const FIRST_RETRY_US = 200_000;
const MAX_RETRY_US = 3_000_000;

/** One direction: from a host to this one. */
interface Way {
  readonly link: Link;
  spec: LinkSpec | null;
  model: SpecLink | null;
}

/** What a datagram or a piece of a stream is given back to. */
type Deliver = (bytes: Uint8Array) => void;

/** Everything that comes in. */
export class Incoming {
  readonly #state: ImpairedState;
  readonly #ways = new Map<string, Way>();
  #random: SimulatedRandom | null = null;
  #held: { readonly host: string; readonly release: () => void }[] = [];
  readonly fates: Fates = { lost: 0, corrupted: 0, duplicated: 0 };

  constructor(state: ImpairedState) {
    this.#state = state;
  }

  /** Which host an address belongs to, if something may happen to what comes from there. */
  hostOf(address: string): string | null {
    const { impairments } = this.#state;
    if (impairments === null) return null;
    const host = impairments.hosts[address];
    return host === undefined || host === impairments.self ? null : host;
  }

  /** Takes a datagram. `bytes` is valid during the call only. */
  onDatagram(host: string, bytes: Uint8Array, traffic: "unicast" | "group", deliver: Deliver): void {
    const { impairments } = this.#state;
    if (impairments === null) return deliver(bytes);
    const groupLoss = traffic === "group" ? impairments.groupLoss[host] ?? 0 : 0;
    const spec = impairments.from[host] ?? null;
    const isClogged = impairments.clogged.includes(host);
    if (spec === null && groupLoss === 0 && !isClogged) return deliver(bytes);
    const { link, model } = this.#way(host, spec, impairments);
    link.beginFrame();
    if (groupLoss > 0 && link.drawForSegment() < groupLoss) return this.#lose();
    let delayUs = 0;
    let arrived = bytes;
    if (model !== null) {
      delayUs = model.planUs(link, bytes.length, this.#nowUs(), traffic);
      if (delayUs === LOST) return this.#lose();
      if (link.flippedBit >= 0) {
        this.fates.corrupted++;
        arrived = withFlippedBit(bytes, link.flippedBit);
      }
      if (link.copyUs !== LOST) {
        this.fates.duplicated++;
        this.#later(link.copyUs, bytes.slice(), deliver);
      }
    }
    if (isClogged) return this.#hold(host, arrived.slice(), deliver);
    if (delayUs < LEAST_DELAY_US) deliver(arrived);
    else this.#later(delayUs, arrived.slice(), deliver);
  }

  /** Whether what comes from a host must be held now. */
  isClogged(host: string): boolean {
    return this.#state.impairments?.clogged.includes(host) === true;
  }

  /** How much later a piece of a stream comes; lost segments come again after the usual time-outs. */
  streamDelayUs(host: string, bytes: number): number {
    const { impairments } = this.#state;
    const spec = impairments?.from[host] ?? null;
    if (impairments === null || spec === null) return 0;
    const { link, model } = this.#way(host, spec, impairments);
    if (model === null) return 0;
    let retryUs = FIRST_RETRY_US;
    let waitedUs = 0;
    for (;;) {
      link.beginFrame();
      const delayUs = model.planUs(link, bytes, this.#nowUs() + waitedUs, "stream" satisfies Traffic);
      if (delayUs !== LOST) return waitedUs + (delayUs < LEAST_DELAY_US ? 0 : delayUs);
      waitedUs += retryUs;
      retryUs = Math.min(retryUs * 2, MAX_RETRY_US);
    }
  }

  /** Runs `release` when the host's way is no longer clogged. */
  whenReleased(host: string, release: () => void): void {
    this.#held.push({ host, release });
  }

  /** What goes wrong has changed: what is held no more comes out, in order. */
  onImpairments({ clogged }: Impairments): void {
    const out = this.#held.filter(({ host }) => !clogged.includes(host));
    this.#held = this.#held.filter(({ host }) => clogged.includes(host));
    for (const { release } of out) this.#state.real.timers.defer(release);
  }

  #lose(): void {
    this.fates.lost++;
  }

  #hold(host: string, bytes: Uint8Array, deliver: Deliver): void {
    if (this.#held.length >= MAX_HELD) this.#lose();
    else this.#held.push({ host, release: () => deliver(bytes) });
  }

  #later(delayUs: number, bytes: Uint8Array, deliver: Deliver): void {
    const { clock, timers } = this.#state.real;
    timers.schedule(clock.nowUs() + delayUs, () => deliver(bytes));
  }

  #way(host: string, spec: LinkSpec | null, { seed, self }: Impairments): Way {
    let way = this.#ways.get(host);
    if (way === undefined) {
      this.#random ??= new SimulatedRandom(seed, "rehearsal/");
      way = { link: new Link(host, self, this.#random), spec: null, model: null };
      this.#ways.set(host, way);
    }
    if (JSON.stringify(spec) !== JSON.stringify(way.spec)) {
      way.spec = spec;
      way.model = spec === null ? null : new SpecLink(spec);
    }
    return way;
  }

  #nowUs(): number {
    return this.#state.real.clock.nowUs();
  }
}

function withFlippedBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const at = (bit >> 3) % Math.max(1, copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
