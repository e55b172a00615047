// One datagram in memory that is used again for every packet, and the views of it that sealing and sending need.
// A cipher takes views, and making four of them costs as much as sealing a small packet: so each is made once a length
// and kept. Decides where header, text and tag stand; never what is in them.

import { PACKET_HEADER_BYTES } from "../../lanes/mod.ts";
import { AEAD_TAG_BYTES } from "../../security/mod.ts";

/** Views are kept up to this length: larger datagrams are few, and carry so much that a view costs nothing beside. */
const KEPT_VIEW_BYTES = 2_048;

/** Memory for one datagram. */
export class DatagramBuffer {
  readonly bytes: Uint8Array;
  /** Bytes 0 to 8. */
  readonly header: Uint8Array;
  /** Where the text stands: from byte 9 on, with room for the tag after the longest of it taken off. */
  readonly text: Uint8Array;
  /** Made when the first packet goes or comes: a node may never have a session. */
  #whole: (Uint8Array | undefined)[] | null = null;
  #texts: (Uint8Array | undefined)[] | null = null;

  constructor(readonly capacityBytes: number) {
    this.bytes = new Uint8Array(capacityBytes);
    this.header = this.bytes.subarray(0, PACKET_HEADER_BYTES);
    this.text = this.bytes.subarray(PACKET_HEADER_BYTES, capacityBytes - AEAD_TAG_BYTES);
  }

  /** The first `length` bytes. */
  whole(length: number): Uint8Array {
    if (length > KEPT_VIEW_BYTES) return this.bytes.subarray(0, length);
    this.#whole ??= noViews();
    return this.#whole[length] ??= this.bytes.subarray(0, length);
  }

  /** `length` bytes from byte 9 on: the text of a packet, or its text and tag. */
  afterHeader(length: number): Uint8Array {
    if (length > KEPT_VIEW_BYTES) {
      return this.bytes.subarray(PACKET_HEADER_BYTES, PACKET_HEADER_BYTES + length);
    }
    this.#texts ??= noViews();
    return this.#texts[length] ??= this.bytes.subarray(PACKET_HEADER_BYTES, PACKET_HEADER_BYTES + length);
  }
}

/** Filled from the start, so that the array never turns into a dictionary. */
function noViews(): (Uint8Array | undefined)[] {
  return new Array(KEPT_VIEW_BYTES + 1).fill(undefined);
}
