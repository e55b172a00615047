// Opening one and the same datagram once for all nodes of a process that get it: in a simulation a multicast reaches
// hundreds of them, and its signature and its fields are the same for each.
// Decides by the bytes: the same bytes under the same keys are the same datagram. What nodes compute does not change, and
// what they are given is frozen, so that none can change what another sees.

import { equalBytes } from "../base/mod.ts";
import type { Refusal } from "./counters.ts";
import { type Datagram, type OpenDatagram, openDatagram, PATHS } from "./datagram.ts";

/** What tells rings apart; a `KeyRing` fits. */
export interface RingIdentity {
  /** An access key takes what the mesh key from which it was derived would not. */
  readonly kind: string;
  readonly primary: { readonly idText: string };
  readonly previous: { readonly idText: string } | null;
  readonly trust: string;
}

/** Which byte of the header tells the path, in its two highest bits (datagram.ts). */
const PATH_AT = 3;
const UNICAST = PATHS.indexOf("unicast");

interface Opened {
  readonly bytes: Uint8Array;
  readonly result: Datagram | Refusal;
}

/**
 * Datagrams remembered for a ring; in flight at one time are fewer. At the bound the table starts again. Not more: what is
 * remembered while memory is tidied up is taken for something that stays.
 */
const MAX_REMEMBERED = 192;
/** Ids and nonces that are one string each. */
const MAX_NAMES = 16_384;

/** Shares the opening of datagrams. One for all nodes of a process. */
export class SharedOpening {
  readonly #byRing = new Map<string, OpenDatagram>();
  /** Datagrams that were opened, and answers that came from memory. */
  readonly counters = { opened: 0, remembered: 0 };

  /** How a node with this ring opens datagrams. */
  openerFor(ring: RingIdentity): OpenDatagram {
    const key = `${ring.kind} ${ring.trust} ${ring.primary.idText} ${ring.previous?.idText ?? ""}`;
    let open = this.#byRing.get(key);
    if (open === undefined) this.#byRing.set(key, open = this.#makeOpener());
    return open;
  }

  #makeOpener(): OpenDatagram {
    const known = new Map<number, Opened>();
    const names = new Map<string, string>();
    return (bytes, codec, seal) => {
      // What goes to one node is opened by that node alone.
      if ((bytes[PATH_AT] ?? 0) >> 6 === UNICAST) {
        this.counters.opened++;
        const result = openDatagram(bytes, codec, seal);
        if (typeof result === "object") intern(result, names);
        return result;
      }
      const tag = tagOf(bytes);
      const before = known.get(tag);
      if (before !== undefined && equalBytes(before.bytes, bytes)) {
        this.counters.remembered++;
        return before.result;
      }
      this.counters.opened++;
      const copy = bytes.slice();
      const result = openDatagram(copy, codec, seal);
      if (typeof result === "object") intern(result, names);
      freeze(result);
      if (known.size >= MAX_REMEMBERED) known.clear();
      known.set(tag, { bytes: copy, result });
      return result;
    };
  }
}

/** One string for equal ids and nonces, so that the many tables that hold them compare them by a look. */
function intern({ header, message }: Datagram, names: Map<string, string>): void {
  if (names.size >= MAX_NAMES) names.clear();
  const one = <Text extends string>(text: Text): Text => {
    const known = names.get(text);
    if (known === undefined) names.set(text, text);
    return (known as Text | undefined) ?? text;
  };
  Object.assign(header, { id: one(header.id) });
  Object.assign(message, { bootNonce: one(message.bootNonce) });
  if (message.kind === "announce" || message.kind === "offer") {
    Object.assign(message.record, { id: one(message.record.id) });
  }
}

/** The end of the signature, which tells almost all datagrams apart. */
function tagOf(bytes: Uint8Array): number {
  let tag = 0;
  for (let at = Math.max(0, bytes.length - 4); at < bytes.length; at++) tag = (tag << 8) | (bytes[at] ?? 0);
  return tag;
}

/** Freezes plain data; bytes cannot be. */
function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
