// Large meshes beat slowly, so that each node is also asked once a second by five others: those who follow it in the order
// of hashed ids. They notice its end as soon as in a small mesh, and tell the rest (discovery research 6.6, N > 100).
// Decides whom we ask and when: five pings a second, whatever the size of the mesh.

import type { Context } from "./context.ts";
import { hash32 } from "./hash.ts";
import type { Peer } from "./peer.ts";
import type { Prober } from "./prober.ts";

/** Up to this size beats come once a second, and nobody needs to be asked. */
const MIN_NODES = 100;
const ASKERS = 5;
/** How often each is asked, in µs. */
export const ROUND_US = 1_000_000;
/** Between two choices at least, in µs: while a show is switched on, who is there changes with every datagram. */
const CHOOSE_GAP_US = 50_000;

/** Our part of the ring. */
export class Ring {
  #watched: Peer[] = [];
  #revision = -1;
  #chosenUs = Number.NEGATIVE_INFINITY;
  #turn = 0;
  #nextUs = Infinity;

  constructor(readonly context: Context, readonly prober: Prober) {}

  /** Asks the next one. Returns whether those whom we ask are others than before. */
  handleTimeout(nowUs: number): boolean {
    const { registry, isObserver } = this.context;
    if (isObserver) return false;
    let isChanged = false;
    if (this.#revision !== registry.identityRevision && nowUs >= this.#chosenUs + CHOOSE_GAP_US) {
      this.#revision = registry.identityRevision;
      this.#chosenUs = nowUs;
      isChanged = this.#choose(nowUs);
    }
    if (nowUs < this.#nextUs) return isChanged;
    const peer = this.#watched[this.#turn++ % Math.max(1, this.#watched.length)];
    this.#nextUs = this.#watched.length === 0
      ? Infinity
      : Math.max(nowUs, this.#nextUs + ROUND_US / this.#watched.length);
    // Suspects are asked more often anyway.
    if (peer !== undefined && peer.isListed && peer.state === "alive") this.prober.ask(nowUs, peer, "probe");
    return isChanged;
  }

  /** When the next is asked; infinite while the mesh is small. */
  get nextUs(): number {
    return this.#nextUs;
  }

  #choose(nowUs: number): boolean {
    const { registry, own } = this.context;
    const wanted: { peer: Peer; distance: number }[] = [];
    if (registry.presentCount >= MIN_NODES) {
      const ownPlace = hash32(own.id);
      for (const peer of registry.peers()) {
        if (!peer.isPresent || peer.isRelayed) continue;
        const distance = (ownPlace - peer.ringPlace) >>> 0;
        if (wanted.length < ASKERS) wanted.push({ peer, distance });
        else {
          let farthest = 0;
          for (let i = 1; i < wanted.length; i++) {
            if ((wanted[i]?.distance ?? 0) > (wanted[farthest]?.distance ?? 0)) farthest = i;
          }
          if (distance < (wanted[farthest]?.distance ?? 0)) wanted[farthest] = { peer, distance };
        }
      }
    }
    const next = wanted.map(({ peer }) => peer);
    const isSame = next.length === this.#watched.length && next.every((peer) => this.#watched.includes(peer));
    if (isSame) return false;
    for (const peer of this.#watched) if (!next.includes(peer)) peer.ringedUs = Infinity;
    for (const peer of next) if (peer.ringedUs === Infinity) peer.ringedUs = nowUs;
    this.#watched = next;
    this.#nextUs = next.length === 0
      ? Infinity
      : Math.min(Math.max(nowUs, this.#nextUs), nowUs + ROUND_US / ASKERS);
    return true;
  }
}
