// Patches as bytes: encoded once for all who have the same base (research 2.7 W3), cut where a message would be too large.
// Decides where a patch may be cut: behind any version, for each part brings its reader exactly there.
// Never decides who gets one.

import { type MessageEncoder, type PatchMessage, splitEntries, type WireEntry } from "../messages/mod.ts";
import type { Version } from "../model/mod.ts";
import type { HostCounters } from "./counters.ts";
import type { Changes, Feed } from "./feed.ts";
import { MAX_CACHED_PATCHES, PATCH_BYTES } from "./limits.ts";

/** The patches that bring a reader from a base to the newest version. */
export interface Print {
  readonly feed: Feed;
  readonly base: number;
  readonly version: number;
  /** In order; none when the changes have no form on the wire. */
  readonly parts: readonly Uint8Array[];
}

/** Makes patches. */
export class PatchPress {
  readonly #term: number;
  readonly #encoder: MessageEncoder;
  readonly #counters: HostCounters;
  readonly #prints: Print[] = [];

  constructor(term: number, encoder: MessageEncoder, counters: HostCounters) {
    this.#term = term;
    this.#encoder = encoder;
    this.#counters = counters;
  }

  /** Forgets what was made: a new round of patches begins. */
  clear(): void {
    this.#prints.length = 0;
  }

  /** The patches of a feed from `base` to its newest version, made now or for somebody before. */
  print(feed: Feed, base: number, hasDigest: boolean): Print {
    for (const print of this.#prints) {
      if (print.feed === feed && print.base === base && print.version === feed.version) return print;
    }
    const changes = feed.source.changesAfter(base, Infinity);
    const parts = changes === null ? [] : this.press(feed, base, changes, null, hasDigest);
    const print = { feed, base, version: feed.version, parts };
    if (this.#prints.length >= MAX_CACHED_PATCHES) this.#prints.shift();
    this.#prints.push(print);
    return print;
  }

  /** The patches that tell of `changes`, which are all behind `base`; at least one. */
  press(
    feed: Feed,
    base: number,
    changes: Changes,
    nonce: number | null,
    hasDigest: boolean,
  ): readonly Uint8Array[] {
    const parts: Uint8Array[] = [];
    const split = splitEntries(changes.entries, PATCH_BYTES);
    let [from, count] = [base, 0];
    for (const [at, entries] of split.entries()) {
      count += entries.length;
      const isLast = at === split.length - 1;
      const to = isLast ? feed.version : changes.versions[count - 1] ?? feed.version;
      const bytes = this.#encode(feed, from, to, entries, nonce, isLast && hasDigest);
      if (bytes === null) return [];
      parts.push(bytes);
      from = to;
    }
    return parts;
  }

  #encode(
    feed: Feed,
    base: number,
    version: number,
    entries: readonly WireEntry[],
    nonce: number | null,
    hasDigest: boolean,
  ): Uint8Array | null {
    const { source } = feed;
    const message: PatchMessage = {
      kind: "patch",
      term: this.#term,
      subsystem: source.subsystem,
      base: base as Version,
      version: version as Version,
      ack: null,
      nonce,
      digest: hasDigest ? source.digest() : null,
      entries,
    };
    const bytes = this.#encoder.encode(message);
    if (bytes === null) {
      this.#counters.unencodable++;
      return null;
    }
    this.#counters.encodedPatches++;
    return bytes.slice();
  }
}
