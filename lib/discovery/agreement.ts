// Whether others know what we know: compares digests, and fetches from one of those who differ for long.
// Decides when a difference is more than a message on its way (discovery research 6.5), and that few ask, not all.
// Never decides what is fetched (sync_puller.ts).

import type { NodeId } from "../base/mod.ts";
import { type Context, drawBetween } from "./context.ts";
import { type Contribution, contributionOf, Digest } from "./digest.ts";
import type { Link } from "./links.ts";
import type { Peer } from "./peer.ts";
import type { SyncPuller } from "./sync_puller.ts";

/** Beats for which digests may differ before that means anything. */
const DIFFERS_BEATS = 1.5;
/** How many of those who find themselves to differ ask on average. */
const ASKERS = 3;
/** How long a digest of ours holds at most while nobody comes or goes: routes fall silent without a sign. */
const DIGEST_LIFE_US = 2_000_000;
/** For a request to a node that has proved where it lives there is no need of a cookie. */
const NO_COOKIE = "0000000000000000";

interface OwnDigest {
  readonly sum: Digest;
  text: string;
  revision: number;
  readonly stateVersion: number;
  /** When all were looked at. */
  readonly atUs: number;
  /** What each has added, while nodes come and go, so that a change costs one step; null in a quiet mesh. */
  readonly parts: Map<NodeId, Contribution> | null;
}

/** Whether a node stands in the digest of a link; null stands for all links. */
function counts(nowUs: number, peer: Peer, link: Link | null): boolean {
  if (!peer.isAwaited) return false;
  if (link === null) return true;
  // Whoever is cut off knows as much as before: nobody shall fetch lists because of it.
  const isMissed = peer.state === "partitioned" || peer.state === "unreachable";
  return peer.isOnLink(link.key, isMissed ? peer.lastHeardUs : nowUs);
}

/** Keeps the lists of the mesh the same. */
export class Agreement {
  readonly #digests = new Map<string, OwnDigest>();
  #askedUs = Number.NEGATIVE_INFINITY;

  constructor(readonly context: Context, readonly puller: SyncPuller) {}

  /** Digest of all whom we know on `link` and of ourselves; null stands for addresses behind a router: of all. */
  digestOn(nowUs: number, link: Link | null): string {
    const { own, registry, isObserver } = this.context;
    const key = link?.key ?? "";
    const known = this.#digests.get(key);
    if (
      known !== undefined && known.stateVersion === own.stateVersion &&
      nowUs - known.atUs < DIGEST_LIFE_US &&
      (known.revision === registry.identityRevision || this.#canFollow(nowUs, known, link))
    ) return known.text;
    const isChanging = known !== undefined && known.revision !== registry.identityRevision;
    const parts = isChanging ? new Map<NodeId, Contribution>() : null;
    const sum = new Digest();
    if (!isObserver) sum.toggle(contributionOf(own.id, own.incarnation, own.stateVersion));
    for (const peer of registry.peers()) {
      if (!counts(nowUs, peer, link)) continue;
      sum.toggle(peer.contribution);
      parts?.set(peer.id, peer.contribution);
    }
    const { text } = sum;
    if (this.#digests.size > 64) this.#digests.clear();
    this.#digests.set(key, {
      sum,
      text,
      revision: registry.identityRevision,
      stateVersion: own.stateVersion,
      atUs: nowUs,
      parts,
    });
    return text;
  }

  /** Takes into a digest who has changed since. False when that is not known. */
  #canFollow(nowUs: number, digest: OwnDigest, link: Link | null): boolean {
    const { registry } = this.context;
    const { parts, sum } = digest;
    if (parts === null) return false;
    const revision = registry.identityRevision;
    for (let change = digest.revision + 1; change <= revision; change++) {
      const id = registry.identityChange(change);
      if (id === null) return false;
      const before = parts.get(id);
      if (before !== undefined) {
        sum.toggle(before);
        parts.delete(id);
      }
      const peer = registry.peer(id);
      if (peer !== undefined && counts(nowUs, peer, link)) {
        sum.toggle(peer.contribution);
        parts.set(id, peer.contribution);
      }
      digest.revision = change;
    }
    digest.text = sum.text;
    return true;
  }

  /** Compares the digest of a peer that is present, heard by `link`, with ours. Returns whether that made us ask. */
  noteDigest(nowUs: number, peer: Peer, digest: string, link: Link | null): boolean {
    if (digest === this.digestOn(nowUs, link)) {
      peer.differsSinceUs = 0;
      peer.knowsUs = true;
      return false;
    }
    if (peer.differsSinceUs === 0) {
      peer.differsSinceUs = nowUs;
      return false;
    }
    const beatUs = peer.beatUs;
    if (nowUs - peer.differsSinceUs < DIFFERS_BEATS * beatUs) return false;
    if (this.puller.isPulling || nowUs - this.#askedUs < beatUs || peer.isRelayed) return false;
    const { registry, random } = this.context;
    let differing = 0;
    for (const each of registry.peers()) if (each.differsSinceUs !== 0) differing++;
    if (drawBetween(random, 0, differing) > ASKERS) return false;
    this.#askedUs = nowUs;
    const at = { endpoint: peer.route.from, link };
    this.puller.addSource(nowUs, peer.id, NO_COOKIE, at, peer.peerCount);
    return true;
  }
}
