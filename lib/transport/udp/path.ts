// A path over datagrams to one peer: seals what its owner gives it, hands on what is authentic, knows where the peer is.
// Decides what may be sent where; never what packets mean, never when an address is proved (the owner sends challenges,
// lanes research 4.10), never numbers packets.
// Hot path: send and handleDatagram allocate nothing.

import type { IpEndpoint } from "../../platform/mod.ts";
import type { RingSlot } from "../../security/mod.ts";
import { PACKET_HEADER_BYTES, PACKET_OVERHEAD_BYTES } from "../../lanes/mod.ts";
import type { DatagramBuffer } from "./datagram_buffer.ts";
import type { UdpCounters } from "./counters.ts";
import type { UdpHello } from "./hello.ts";
import { OpenRefusal, type PacketNumbers, PacketSealer, type PacketSealerOptions } from "./packet_sealer.ts";
import {
  type CandidateAddress,
  isSameAddress,
  PathAddresses,
  TOLD_ALLOWANCE_BYTES,
} from "./path_addresses.ts";

/** While packets keep coming from an address that is not in use, the owner is told this often, in µs. */
export const TELL_AGAIN_US = 200_000;

/** What a path tells its owner. */
export interface UdpPathHandlers {
  /**
   * An authentic packet: its text is `bytes[start … end)`, valid during the call only.
   * @param number the full packet number @param from who sent it @param wireBytes bytes of the datagram
   * @param immediate whether the sender asks for an ack at once
   */
  onPacket(
    number: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    from: IpEndpoint,
    wireBytes: number,
    immediate: boolean,
  ): void;
  /**
   * The newest packet so far came from an address that is not in use; told again every {@linkcode TELL_AGAIN_US} while
   * they keep coming. The owner sends a challenge there with
   * {@linkcode UdpPath.sendTo} and, when its answer has come, calls {@linkcode UdpPath.useAddress}. `onPacket` follows.
   */
  onNewAddress(address: IpEndpoint, number: number): void;
}

/** What a path stands on: its endpoint. */
export interface PathHost {
  readonly sending: DatagramBuffer;
  readonly receiving: DatagramBuffer;
  readonly counters: UdpCounters;
  /** Sends the first `length` bytes of {@linkcode sending}. */
  transmit(length: number, to: IpEndpoint): void;
  /** The peer's first packet came on a path that waited for it; its owner is to be found before the packet is told. */
  onConfirmed(path: UdpPath): void;
  /** Forgets the path. */
  remove(path: UdpPath): void;
}

/** What a path starts from. */
export interface UdpPathOptions extends PacketSealerOptions {
  readonly localIndex: number;
  readonly peerIndex: number | null;
  readonly remote: IpEndpoint | null;
  readonly handlers: UdpPathHandlers | null;
  /**
   * The answering side of a handshake: where the answer went. Nothing may be sent before a first authentic packet came;
   * the address of that one is proved when the answer had gone there. Null for all others.
   */
  readonly confirming: readonly IpEndpoint[] | null;
  /** What the peer said of itself in a handshake over datagrams, and the key it was made with; null beside a stream. */
  readonly hello: UdpHello | null;
  readonly slot: RingSlot | null;
}

/** Datagrams to and from one peer. */
export class UdpPath {
  /** Chosen by us, told to the peer: it stands in every datagram to us. */
  readonly localIndex: number;
  /** Whether this end spoke first in the handshake that gave the keys. */
  readonly initiated: boolean;
  /** What the peer said of itself in a handshake over datagrams; null beside a stream. */
  readonly hello: UdpHello | null;
  /** Which key of the ring the handshake over datagrams was made with; null beside a stream. */
  readonly slot: RingSlot | null;
  readonly addresses = new PathAddresses();
  readonly #host: PathHost;
  readonly #sealer: PacketSealer;
  #handlers: UdpPathHandlers | null;
  #peerIndex: number | null;
  #confirming: readonly IpEndpoint[] | null;
  #closed = false;

  constructor(host: PathHost, options: UdpPathOptions) {
    this.#host = host;
    this.#sealer = new PacketSealer(options);
    this.localIndex = options.localIndex;
    this.initiated = options.initiator;
    this.hello = options.hello;
    this.slot = options.slot;
    this.#peerIndex = options.peerIndex;
    this.#handlers = options.handlers;
    this.#confirming = options.confirming;
    if (options.remote !== null) this.addresses.use(options.remote);
  }

  /** The peer's index, which it told over the stream or in the handshake; null while unknown. */
  get peerIndex(): number | null {
    return this.#peerIndex;
  }

  /** Where packets go: the address that the peer has proved to be at; null while it has proved none. */
  get remote(): IpEndpoint | null {
    return this.addresses.remote?.address ?? null;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether the peer has not proved yet that it has the keys: the answering side alone, until its first packet. */
  get isConfirming(): boolean {
    return this.#confirming !== null;
  }

  /** Counters and generations of the keys. */
  get sealer(): PacketSealer {
    return this.#sealer;
  }

  /** Write the text of the next packet here, then call {@linkcode send}. Shared by all paths of the endpoint. */
  get text(): Uint8Array {
    return this.#host.sending.text;
  }

  /** The longest text for datagrams of this size. */
  static textBytes(datagramBytes: number): number {
    return datagramBytes - PACKET_OVERHEAD_BYTES;
  }

  /** Takes over what comes. An owner that was handed a path sets them before it returns. */
  setHandlers(handlers: UdpPathHandlers): void {
    this.#handlers = handlers;
  }

  /** Lets the owner keep count of received packet numbers, where one number space spans several paths. */
  setNumbers(numbers: PacketNumbers | null): void {
    this.#sealer.setNumbers(numbers);
  }

  /** The peer told its index and, as far as it knows them, where it can be reached (by the stream beside this path). */
  setPeer(peerIndex: number, addresses: readonly IpEndpoint[]): void {
    this.#peerIndex = peerIndex;
    this.addCandidates(addresses);
  }

  /** Addresses where the peer says it is: each may get {@linkcode TOLD_ALLOWANCE_BYTES} a minute before it answers. */
  addCandidates(addresses: readonly IpEndpoint[]): void {
    for (const address of addresses) this.addresses.add(address, TOLD_ALLOWANCE_BYTES);
  }

  /**
   * Seals the first `textBytes` bytes of {@linkcode text} as packet `number` and sends it to {@linkcode remote}.
   * @param number higher than all numbers before, over all paths that share the keys
   * @returns false where nothing was sent: closed, no proven address, no index, not confirmed
   */
  send(nowUs: number, number: number, textBytes: number, immediate: boolean): boolean {
    const remote = this.addresses.remote;
    return remote !== null ? this.#send(nowUs, remote, number, textBytes, immediate) : this.#holdBack();
  }

  /** The same to another address; false also where that one may get no more before it is proved. */
  sendTo(nowUs: number, address: IpEndpoint, number: number, textBytes: number, immediate: boolean): boolean {
    const entry = this.addresses.find(address);
    return entry !== null ? this.#send(nowUs, entry, number, textBytes, immediate) : this.#holdBack();
  }

  /** Whether a datagram of this size may go to this address now. */
  canSendTo(nowUs: number, address: IpEndpoint, datagramBytes: number): boolean {
    return !this.#closed && this.#confirming === null && this.#peerIndex !== null &&
      this.addresses.find(address)?.canSend(nowUs, datagramBytes) === true;
  }

  /** The peer has proved to be there: everything goes there from now on; the address before is kept as a way back. */
  useAddress(address: IpEndpoint): void {
    this.addresses.use(address);
  }

  /** No packet goes out or comes in any more; the index is free. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handlers = null;
    this.#host.remove(this);
  }

  /** Opens the packet that fills the first `length` bytes of the host's receiving buffer. For the endpoint. */
  handleDatagram(nowUs: number, length: number, from: IpEndpoint): number {
    const { receiving, counters } = this.#host;
    const textBytes = this.#sealer.open(nowUs, receiving, length);
    if (textBytes < 0) {
      if (textBytes === OpenRefusal.forged) counters.dropped.forged++;
      else if (textBytes === OpenRefusal.replayed) counters.dropped.replayed++;
      else counters.dropped["unknown-form"]++;
      return textBytes;
    }
    if (this.#confirming !== null) {
      if (this.#confirming.some((address) => isSameAddress(address, from))) this.addresses.use(from);
      this.#confirming = null;
      this.#host.onConfirmed(this);
    }
    const { number, isHighest, isImmediate } = this.#sealer;
    let entry = this.#isRemote(from) ? this.addresses.remote : this.addresses.find(from);
    const isElsewhere = isHighest && (entry === null || entry !== this.addresses.remote);
    if (isElsewhere && entry === null) entry = this.addresses.add(from, 0);
    if (entry !== null && !entry.isProven) entry.receivedBytes += length;
    const address = entry?.address ?? from;
    if (isElsewhere && entry !== null && nowUs >= entry.tellAgainUs) {
      entry.tellAgainUs = nowUs + TELL_AGAIN_US;
      this.#handlers?.onNewAddress(address, number);
    }
    this.#handlers?.onPacket(
      number,
      receiving.bytes,
      PACKET_HEADER_BYTES,
      PACKET_HEADER_BYTES + textBytes,
      address,
      length,
      isImmediate,
    );
    return textBytes;
  }

  #isRemote(from: IpEndpoint): boolean {
    const remote = this.addresses.remote;
    return remote !== null && isSameAddress(remote.address, from);
  }

  #send(
    nowUs: number,
    entry: CandidateAddress,
    number: number,
    textBytes: number,
    immediate: boolean,
  ): boolean {
    const length = textBytes + PACKET_OVERHEAD_BYTES;
    if (
      this.#closed || this.#confirming !== null || this.#peerIndex === null || !entry.canSend(nowUs, length)
    ) {
      return this.#holdBack();
    }
    this.#sealer.seal(nowUs, this.#host.sending, this.#peerIndex, number, immediate, textBytes);
    if (!entry.isProven) entry.sentBytes += length;
    this.#host.transmit(length, entry.address);
    return true;
  }

  #holdBack(): false {
    this.#host.counters.heldBack++;
    return false;
  }
}
