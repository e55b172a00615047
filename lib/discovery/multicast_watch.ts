// Whether multicast of others reaches us on each link, told from their broadcasts, which reach us in any case.
// Decides when a link is degraded: switches that snoop forget a membership without a sign (RFC 4541 section 2.1.1), and
// our own echo does not show it. Never joins itself: the owner does, since a new join sends a new report.

import { type Context, emit, type Wake, type WakeReason } from "./context.ts";
import type { Link } from "./links.ts";

/** Others are heard by broadcast and nobody by multicast for so long: then something is in the way. */
export const DEGRADED_AFTER_US = 30_000_000;
/** Between two attempts to be let in again. */
export const REJOIN_US = 60_000_000;
/** While the mesh is small enough for one beat a second; with slower beats the times are longer. */
const DEGRADED_BEATS = 6;
const CHECK_US = 5_000_000;
const REASON: WakeReason = "multicast-watch";

/** Watches all links. */
export class MulticastWatch {
  #nextUs = Number.NEGATIVE_INFINITY;

  /** @param beatUs our present beat period, about that of all */
  constructor(readonly context: Context, readonly beatUs: () => number) {}

  /** Looks at the links when it is time. */
  handleTimeout(nowUs: number): void {
    if (nowUs < this.#nextUs) return;
    this.#nextUs = nowUs + CHECK_US;
    for (const link of this.context.links.all) {
      // Without broadcast there is nothing to compare with.
      if (!link.facts.loopback && link.facts.broadcast !== null) this.#check(nowUs, link);
    }
  }

  /** What is due next; nothing before the first look, which comes with the first timeout of any kind. */
  next(): Wake | null {
    return this.#nextUs < 0 ? null : { atUs: this.#nextUs, reason: REASON };
  }

  #check(nowUs: number, link: Link): void {
    const limitUs = Math.max(DEGRADED_AFTER_US, DEGRADED_BEATS * this.beatUs());
    const multicastUs = this.#lastHeardUs(link, "multicast");
    const broadcastUs = this.#lastHeardUs(link, "broadcast");
    if (multicastUs > link.degradedUs || (!link.isDegraded && nowUs - multicastUs < limitUs)) {
      if (link.isDegraded) emit(this.context, { kind: "multicast-restored", link: link.key });
      link.isDegraded = false;
      link.degradedUs = Infinity;
      return;
    }
    const isQuiet = nowUs - broadcastUs > limitUs || nowUs - Math.max(multicastUs, link.sinceUs) < limitUs;
    if (!link.isDegraded && isQuiet) return;
    if (link.isDegraded && nowUs < link.nextRejoinUs) return;
    if (!link.isDegraded) link.degradedUs = nowUs;
    link.isDegraded = true;
    link.nextRejoinUs = nowUs + REJOIN_US;
    emit(this.context, { kind: "multicast-degraded", link: link.key, sinceUs: nowUs - link.degradedUs });
  }

  #lastHeardUs(link: Link, path: "multicast" | "broadcast"): number {
    let lastUs = Number.NEGATIVE_INFINITY;
    for (const peer of this.context.registry.peers()) {
      const route = peer.isPresent ? peer.routeOver(link.key) : null;
      if (route !== null) lastUs = Math.max(lastUs, route.heardUs(path));
    }
    return lastUs;
  }
}
