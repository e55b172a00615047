// Cookies: proof that somebody hears what we send to the address that it writes as its own, without keeping anything
// (RFC 6347 section 4.2.1; the sealed form is WireGuard's, section 5.4.7 of its paper). A cookie is a code over the
// address under a secret that nobody else knows and that is drawn anew every two minutes.
// Decides what a cookie is and how long it counts; never when one is demanded (responder.ts).

import type { IpEndpoint, RandomStream } from "../../platform/mod.ts";
import { AEAD_NONCE_BYTES, AEAD_TAG_BYTES, KeyedMac } from "../../security/mod.ts";
import type { HandshakeKey } from "./handshake_keys.ts";
import {
  COOKIE_BYTES,
  COOKIE_DATAGRAM_BYTES,
  COOKIE_NONCE_AT,
  COOKIE_SEALED_AT,
  HANDSHAKE_BYTES,
  HandshakeType,
  INDEX_AT,
  INIT_MAC2_AT,
  initMac1At,
  OFFER_AT,
  SUITE_AT,
  UDP_HANDSHAKE_VERSION,
  VERSION_AT,
} from "./handshake_wire.ts";

/** How long a secret is used, in µs; its cookies count for as long again. */
export const COOKIE_SECRET_US = 120_000_000;

const SECRET_BYTES = 32;

/** The cookies of one node. */
export class CookieJar {
  readonly #random: RandomStream;
  #secret: KeyedMac;
  #previous: KeyedMac | null = null;
  #drawnUs: number;
  readonly #cookie = new Uint8Array(COOKIE_BYTES);

  constructor(nowUs: number, random: RandomStream) {
    this.#random = random;
    this.#secret = this.#draw();
    this.#drawnUs = nowUs;
  }

  /** Whether mac2 of an INIT was made with a cookie that we gave to this address. */
  verify(nowUs: number, init: Uint8Array, from: IpEndpoint): boolean {
    this.#turn(nowUs);
    return this.#isMadeWith(this.#secret, init, from) ||
      (this.#previous !== null && this.#isMadeWith(this.#previous, init, from));
  }

  /** A COOKIE for the sender of an INIT, sealed so that only who sent that INIT and holds the mesh key can read it. */
  answer(nowUs: number, init: Uint8Array, offer: number, key: HandshakeKey, from: IpEndpoint): Uint8Array {
    this.#turn(nowUs);
    const bytes = new Uint8Array(COOKIE_DATAGRAM_BYTES);
    bytes[0] = HandshakeType.cookie;
    bytes[VERSION_AT] = UDP_HANDSHAKE_VERSION;
    bytes[SUITE_AT] = init[SUITE_AT] ?? 0;
    bytes[OFFER_AT] = offer;
    bytes.set(init.subarray(INDEX_AT, INDEX_AT + 4), INDEX_AT);
    const nonce = bytes.subarray(COOKIE_NONCE_AT, COOKIE_SEALED_AT);
    this.#random.fill(nonce);
    this.#bake(this.#secret, from);
    key.cookieAead.seal(bytes.subarray(COOKIE_SEALED_AT), nonce, cookieAad(bytes, init), this.#cookie);
    return bytes;
  }

  #isMadeWith(secret: KeyedMac, init: Uint8Array, from: IpEndpoint): boolean {
    this.#bake(secret, from);
    return new KeyedMac(this.#cookie).verify(init, 0, INIT_MAC2_AT, init, INIT_MAC2_AT);
  }

  #bake(secret: KeyedMac, from: IpEndpoint): void {
    const text = TEXT.encode(`${from.host} ${from.port}`);
    secret.sign(text, 0, text.length, this.#cookie, 0);
  }

  #turn(nowUs: number): void {
    const ageUs = nowUs - this.#drawnUs;
    if (ageUs < COOKIE_SECRET_US) return;
    this.#previous = ageUs < 2 * COOKIE_SECRET_US ? this.#secret : null;
    this.#secret = this.#draw();
    this.#drawnUs = nowUs;
  }

  #draw(): KeyedMac {
    return new KeyedMac(this.#random.fill(new Uint8Array(SECRET_BYTES)));
  }
}

const TEXT = new TextEncoder();

/** The cookie in an answer to our INIT; null when it is forged or answers another INIT. */
export function openCookie(bytes: Uint8Array, init: Uint8Array, key: HandshakeKey): Uint8Array | null {
  if (bytes.length !== COOKIE_DATAGRAM_BYTES) return null;
  const nonce = bytes.subarray(COOKIE_NONCE_AT, COOKIE_NONCE_AT + AEAD_NONCE_BYTES);
  const cookie = new Uint8Array(COOKIE_BYTES);
  const sealed = bytes.subarray(COOKIE_SEALED_AT, COOKIE_SEALED_AT + COOKIE_BYTES + AEAD_TAG_BYTES);
  return key.cookieAead.open(cookie, nonce, cookieAad(bytes, init), sealed) === COOKIE_BYTES ? cookie : null;
}

/** Writes mac2 of an INIT. */
export function setMac2(init: Uint8Array, cookie: Uint8Array): void {
  new KeyedMac(cookie).sign(init, 0, INIT_MAC2_AT, init, INIT_MAC2_AT);
}

/** The head of the COOKIE, and mac1 of the INIT that it answers. */
function cookieAad(bytes: Uint8Array, init: Uint8Array): Uint8Array {
  const mac1At = initMac1At(bytes[OFFER_AT] ?? 0);
  const aad = new Uint8Array(COOKIE_NONCE_AT + COOKIE_BYTES);
  aad.set(bytes.subarray(0, COOKIE_NONCE_AT));
  aad.set(init.subarray(mac1At, Math.min(mac1At + COOKIE_BYTES, HANDSHAKE_BYTES)), COOKIE_NONCE_AT);
  return aad;
}
