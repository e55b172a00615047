// Asking about a silent node: itself, by every way there is; others, whether they hear it; and everybody, so that it and
// those who hear it speak up (discovery research 6.6).
// Decides how often and whom; never what an answer or its absence means.

import type { Challenges } from "./challenges.ts";
import { type Context, drawBetween } from "./context.ts";
import type { LocalHealth } from "./health.ts";
import type { LossEstimate } from "./loss.ts";
import { MAX_NAMED, type NamedNode, targetOf } from "./messages/mod.ts";
import { newestOf, type Peer } from "./peer.ts";
import type { Prober } from "./prober.ts";
import type { Suspicion } from "./suspicion.ts";

const MS = 1_000;
/** Within which the questions to a suspect are asked, so that the last one can be answered before the verdict. */
const PROBING_US = 1_350 * MS;
const MAX_PROBE_GAP_US = 300 * MS;
const SECOND_PROBE_US = 200 * MS;
/** Every so many questions goes by every way there is. */
const EVERYWHERE_EVERY = 4;
/** Others are asked to ask: how often, how often later, and how many of them. */
const ASK_OTHERS_EVERY_US = 700 * MS;
const ASK_OTHERS_SLOWLY_US = 2_000 * MS;
const QUICK_ROUNDS = 2;
const HELPERS = 3;
const LATER_HELPERS = 1;
/** Between questions to an unreachable node. */
const UNREACHABLE_PROBE_US = 2_000 * MS;

/** What inquiries rest on. */
export interface InquiryParts {
  readonly challenges: Challenges;
  readonly loss: LossEstimate;
  readonly health: LocalHealth;
  readonly prober: Prober;
}

/** Asks about suspects. */
export class Inquiry {
  constructor(readonly context: Context, readonly parts: InquiryParts) {}

  /** Asks a suspect once more. */
  probe(nowUs: number, peer: Peer, suspicion: Suspicion): void {
    const count = suspicion.probes;
    const isSent = count % EVERYWHERE_EVERY === EVERYWHERE_EVERY - 1 && peer.state === "suspect"
      ? this.parts.prober.askEverywhere(nowUs, peer)
      : this.parts.prober.ask(nowUs, peer, "probe");
    if (isSent) suspicion.probes++;
    // Slowly while others hear it; where they miss it too, the verdict waits for our questions alone.
    if (peer.state === "unreachable" && suspicion.accusersAt(nowUs) === 0) {
      peer.nextProbeUs = nowUs + UNREACHABLE_PROBE_US * drawBetween(this.context.random, 0.8, 1.2);
      return;
    }
    const gapUs = Math.min(MAX_PROBE_GAP_US, PROBING_US / Math.max(1, this.parts.loss.probes - 1));
    peer.nextProbeUs = nowUs + (count === 0 ? Math.min(gapUs, SECOND_PROBE_US) : gapUs);
  }

  /** Asks some who hear others well to ask the silent one. */
  askOthers(nowUs: number, peer: Peer, suspicion: Suspicion): void {
    if (suspicion.nacks === 0 && this.parts.loss.isSilenceTelling(suspicion.helpers)) {
      this.parts.health.noteAlone(nowUs);
    }
    suspicion.rounds++;
    suspicion.nacks = 0;
    suspicion.helpers = 0;
    const everyUs = suspicion.rounds < QUICK_ROUNDS ? ASK_OTHERS_EVERY_US : ASK_OTHERS_SLOWLY_US;
    suspicion.askOthersUs = nowUs + everyUs * drawBetween(this.context.random, 0.9, 1.1);
    const { own, outbox, links } = this.context;
    const target = targetOf(peer.id);
    const count = suspicion.rounds > QUICK_ROUNDS ? LATER_HELPERS : HELPERS;
    for (const helper of this.someOf(count, (each) => each.state === "alive" && !each.isRelayed)) {
      const nonce = this.parts.challenges.open({
        purpose: "request",
        id: helper.id,
        sentUs: nowUs,
        token: 0,
      });
      const to = helper.route.from;
      const message = { kind: "ping-request", bootNonce: own.bootNonce, nonce, target } as const;
      if (outbox.toEndpoint(nowUs, to, links.linkOf(to.host), message)) suspicion.helpers++;
    }
  }

  /** Up to `count` peers that fit, at random. */
  someOf(count: number, fits: (peer: Peer) => boolean): Peer[] {
    const chosen: Peer[] = [];
    let seen = 0;
    for (const peer of this.context.registry.peers()) {
      if (!fits(peer)) continue;
      seen++;
      // Reservoir sampling (Vitter's algorithm R): everybody is as likely, with one look at each.
      if (chosen.length < count) chosen.push(peer);
      else {
        const at = Math.floor(this.context.random.float() * seen);
        if (at < count) chosen[at] = peer;
      }
    }
    return chosen;
  }

  /** Tells everybody whom we miss: the accused shall speak, and so shall those who hear them. */
  tell(nowUs: number, peers: readonly Peer[]): void {
    const { own, links, outbox } = this.context;
    for (let at = 0; at < peers.length; at += MAX_NAMED) {
      const nodes = peers.slice(at, at + MAX_NAMED).map((peer): NamedNode => ({
        target: targetOf(peer.id),
        incarnation: peer.incarnation,
        seq: newestOf(peer),
      }));
      const isAgain = peers.some((peer) => (peer.suspicion?.told ?? 0) > 1);
      const message = { kind: "suspect", bootNonce: own.bootNonce, nodes } as const;
      for (const link of links.all) outbox.toLink(nowUs, link, message, isAgain);
    }
  }
}
