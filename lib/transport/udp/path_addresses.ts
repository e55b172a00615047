// Where the other end of a path may be: one address that it has proved to be at, and a few that it has not.
// Decides how much may be sent to which (3 times what came from there, RFC 9000 section 8.1), and which address is which:
// a link-local sender is told without its zone by sockets that are bound to no interface.
// Never decides what proves an address: the owner sends a challenge and says so.

import { type IpEndpoint, needsZone, withoutZone } from "../../platform/mod.ts";

/** Unproven addresses that a path remembers; the oldest gives way. */
export const MAX_CANDIDATES = 4;
/** How much may be sent to an unproven address for each byte that came from there. */
export const AMPLIFICATION = 3;
/**
 * What may be sent to an address that the peer itself told over an authentic stream: ten probes of full size in each
 * {@linkcode ALLOWANCE_PERIOD_US}, since a path that is blocked now is tried again for as long as the stream lasts.
 */
export const TOLD_ALLOWANCE_BYTES = 12_000;
/** How long an allowance lasts before there is a new one, in µs. */
export const ALLOWANCE_PERIOD_US = 60_000_000;

/** An address with what went there and came from there. */
export class CandidateAddress {
  /** While it is unproven: bytes of authentic datagrams that came from there, and of all that were sent there. */
  receivedBytes = 0;
  sentBytes = 0;
  isProven = false;
  /** When the owner may be told of it again. */
  tellAgainUs = -Infinity;
  #allowedSinceUs = -Infinity;

  constructor(readonly address: IpEndpoint, readonly allowanceBytes: number) {}

  /** Whether a datagram of this size may go there now. */
  canSend(nowUs: number, bytes: number): boolean {
    if (this.isProven) return true;
    if (this.allowanceBytes > 0 && nowUs - this.#allowedSinceUs >= ALLOWANCE_PERIOD_US) {
      this.#allowedSinceUs = nowUs;
      this.sentBytes = 0;
      this.receivedBytes = 0;
    }
    return this.sentBytes + bytes <= this.allowanceBytes + AMPLIFICATION * this.receivedBytes;
  }
}

/** Whether what a socket tells is this address. */
export function isSameAddress(known: IpEndpoint, told: IpEndpoint): boolean {
  if (known === told) return true;
  if (known.port !== told.port) return false;
  if (known.host === told.host) return true;
  return needsZone(told.host) && !told.host.includes("%") && withoutZone(known.host) === told.host;
}

/** The addresses of one path. */
export class PathAddresses {
  #remote: CandidateAddress | null = null;
  readonly #candidates: CandidateAddress[] = [];
  /** Candidates that had to be forgotten for newer ones. */
  forgotten = 0;

  /** Where everything is sent. */
  get remote(): CandidateAddress | null {
    return this.#remote;
  }

  /** Addresses that are not in use: unproven ones, and proven ones that were in use before. */
  get candidates(): readonly CandidateAddress[] {
    return this.#candidates;
  }

  /** The entry of an address; null where it is unknown. */
  find(address: IpEndpoint): CandidateAddress | null {
    if (this.#remote !== null && isSameAddress(this.#remote.address, address)) return this.#remote;
    for (const candidate of this.#candidates) {
      if (isSameAddress(candidate.address, address)) return candidate;
    }
    return null;
  }

  /** Notes an address where the peer may be. Returns its entry, which may be an old one. */
  add(address: IpEndpoint, allowanceBytes: number): CandidateAddress {
    const known = this.find(address);
    if (known !== null) return known;
    const added = new CandidateAddress({ host: address.host, port: address.port }, allowanceBytes);
    if (this.#candidates.length >= MAX_CANDIDATES) {
      // The one that was in use before is the way back: it goes last.
      const oldest = this.#candidates.findIndex((candidate) => !candidate.isProven);
      this.#candidates.splice(Math.max(0, oldest), 1);
      this.forgotten++;
    }
    this.#candidates.push(added);
    return added;
  }

  /** The peer has proved to be there: everything goes there from now on, and the old address is kept. */
  use(address: IpEndpoint): void {
    const entry = this.add(address, 0);
    entry.isProven = true;
    if (entry === this.#remote) return;
    this.#candidates.splice(this.#candidates.indexOf(entry), 1);
    const before = this.#remote;
    this.#remote = entry;
    if (before !== null) {
      for (let i = this.#candidates.length - 1; i >= 0; i--) {
        if (this.#candidates[i]?.isProven === true) this.#candidates.splice(i, 1);
      }
      this.#candidates.push(before);
    }
  }

  /** Forgets an address that is not in use. */
  forget(address: IpEndpoint): void {
    const at = this.#candidates.findIndex((candidate) => isSameAddress(candidate.address, address));
    if (at >= 0) this.#candidates.splice(at, 1);
  }
}
