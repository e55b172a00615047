// Both roles of the handshake over datagrams, without any socket.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { toHex } from "../../../../lib/base/mod.ts";
import type { IpEndpoint } from "../../../../lib/platform/mod.ts";
import { MeshKeyRing, openMeshKeyRing, rotate } from "../../../../lib/security/mod.ts";
import {
  COOKIE_DATAGRAM_BYTES,
  COOKIE_HALF_OPEN,
  COOKIE_INITS_PER_NODE,
  COOKIE_INITS_PER_SOURCE,
  COOKIE_SECRET_US,
  decodeHello,
  encodeHello,
  GIVE_UP_US,
  HALF_OPEN_US,
  HANDSHAKE_BYTES,
  MAX_ANSWERED,
  MAX_HALF_OPEN,
  MAX_PROVEN_INITS_PER_SECOND,
  RETRY_JITTER,
  RETRY_US,
} from "../../../../lib/transport/udp/mod.ts";
import { flipBit, seededRandom, testKey, testRing } from "../../security/support.ts";
import { A, Asked, B, firstInit, HELLO, initiator } from "./support.ts";

/** Runs a whole handshake; the verdicts of both ends. */
function shake(from: MeshKeyRing, to: MeshKeyRing): string {
  const dialler = initiator(from);
  const asked = new Asked(to);
  const verdict = asked.responder.handleInit(0, firstInit(dialler), A);
  if (verdict !== "answered") return verdict;
  const drop = dialler.handleResponse(asked.responder.reply);
  if (drop !== null) return drop;
  const [half] = asked.opened;
  const result = dialler.result;
  if (half === undefined || result === null) return "no result";
  assertEquals(toHex(result.keys.send), toHex(half.keys.receive));
  assertEquals(toHex(result.keys.receive), toHex(half.keys.send));
  assertEquals([result.peerIndex, half.peerIndex], [half.localIndex, dialler.index]);
  return `${result.slot} to ${half.slot}`;
}

Deno.test("two members agree on keys, indices and hellos in one round trip", () => {
  const extensions = [
    { type: 1, bytes: new Uint8Array([1, 2, 3]) },
    { type: 200, bytes: new Uint8Array(0) },
  ];
  const dialler = initiator(testRing(1), { hello: { ...HELLO, extensions } });
  const asked = new Asked();
  const init = firstInit(dialler);
  assertEquals(init.length, HANDSHAKE_BYTES);
  assertEquals(asked.responder.handleInit(0, init, A), "answered");
  assertEquals(asked.responder.reply.length, HANDSHAKE_BYTES);
  assertEquals(dialler.handleResponse(asked.responder.reply), null);
  assertEquals(dialler.state, "answered");
  assertEquals(dialler.pollTimeout(), null);
  assertEquals(asked.opened[0]?.hello, { ...HELLO, extensions });
  assertEquals(dialler.result?.hello, { ...HELLO, maxAckDelayUs: 4_992 });
  assertNotEquals(dialler.result?.keys.send, dialler.result?.keys.receive);
});

Deno.test("rings that share a key shake hands either way while a rotation is under way, and others do not", () => {
  const old = new MeshKeyRing(testKey(1), null);
  const once = rotate(old, testKey(2));
  const twice = rotate(once, testKey(3));
  assertEquals(shake(old, old), "primary to primary");
  assertEquals(shake(old, once), "primary to previous");
  assertEquals(shake(once, old), "previous to primary");
  assertEquals(shake(once, once), "primary to primary");
  assertEquals(shake(once, twice), "primary to previous");
  assertEquals(shake(twice, once), "previous to primary");
  assertEquals(shake(old, twice), "stranger");
  assertEquals(shake(twice, old), "stranger");
  assertEquals(shake(openMeshKeyRing(), openMeshKeyRing()), "primary to primary");
  assertEquals(shake(openMeshKeyRing(), old), "stranger");
  assertEquals(shake(old, openMeshKeyRing()), "stranger");
});

Deno.test("whoever names our key without holding it gets no answer, and leaves nothing behind", () => {
  const asked = new Asked(testRing(1));
  const init = firstInit(initiator(testRing(2)));
  init.set(testKey(1).id, 10);
  assertEquals(asked.responder.handleInit(0, init, A), "forged");
  assertEquals([asked.opened.length, asked.responder.halfOpenCount], [0, 0]);
});

Deno.test("an INIT cut or lengthened anywhere gets no answer", () => {
  const asked = new Asked();
  const init = firstInit(initiator());
  for (let length = 0; length < init.length; length++) {
    assertEquals(asked.responder.handleInit(0, init.subarray(0, length), A), "unknown-form");
  }
  assertEquals(asked.responder.handleInit(0, new Uint8Array([...init, 0]), A), "unknown-form");
  assertEquals(asked.opened.length, 0);
});

Deno.test("an INIT with a bit turned anywhere but in mac2 gets no answer, whatever it would have been taken for", () => {
  const init = firstInit(initiator());
  const asked = new Asked();
  for (let bit = 8; bit < (HANDSHAKE_BYTES - 16) * 8; bit++) {
    const at = bit >> 3;
    // The second mac1 is of an offer that was not made.
    if (at >= HANDSHAKE_BYTES - 32) continue;
    const verdict = asked.responder.handleInit(0, flipBit(init, bit), A);
    assert(
      ["bad-version", "unknown-form", "stranger", "forged"].includes(verdict),
      `bit ${bit} (byte ${at}): ${verdict}`,
    );
  }
  assertEquals([asked.opened.length, asked.responder.halfOpenCount], [0, 0]);
  assertEquals(asked.responder.handleInit(0, init, A), "answered");
});

Deno.test("a RESPONSE with a bit turned or cut anywhere is dropped, and the true one still counts", () => {
  const dialler = initiator();
  const asked = new Asked();
  asked.responder.handleInit(0, firstInit(dialler), A);
  const response = asked.responder.reply.slice();
  for (let bit = 8; bit < response.length * 8; bit++) {
    // The receiver's index is what the endpoint looks the dial up by.
    assert(dialler.handleResponse(flipBit(response, bit)) !== null, `bit ${bit}`);
  }
  for (let length = 0; length < response.length; length += 7) {
    assert(dialler.handleResponse(response.subarray(0, length)) !== null);
  }
  assertEquals(dialler.state, "waiting");
  assertEquals(dialler.handleResponse(response), null);
  assertEquals(dialler.handleResponse(response), "no-dial");
});

Deno.test("a member who forges an answer costs a counter, not the handshake", () => {
  const dialler = initiator();
  const asked = new Asked();
  const other = new Asked(testRing(1), seededRandom(300));
  asked.responder.handleInit(0, firstInit(dialler), A);
  const response = asked.responder.reply.slice();
  // The same key, so mac1 fits, and yet the answer to another question.
  other.responder.handleInit(0, firstInit(initiator(testRing(1), { random: seededRandom(5) })), A);
  assertEquals(dialler.handleResponse(other.responder.reply), "forged");
  assertEquals(dialler.handleResponse(other.responder.reply), "forged");
  assertEquals(dialler.handleResponse(response), null);
});

Deno.test("an INIT that comes again gets the same answer, and that at a few addresses", () => {
  const asked = new Asked();
  const init = firstInit(initiator());
  assertEquals(asked.responder.handleInit(0, init, A), "answered");
  const first = asked.responder.reply.slice();
  assertEquals(asked.responder.handleInit(100_000, init, A), "repeated");
  assertEquals(asked.responder.reply, first);
  // A copy may overtake the original, so whoever asked is answered, with no more bytes than it asked with.
  for (let i = 1; i < MAX_ANSWERED; i++) {
    assertEquals(asked.responder.handleInit(100_000, init, { ...B, port: i }), "repeated");
    assertEquals(asked.responder.reply, first);
  }
  assertEquals(asked.responder.handleInit(100_000, init, { ...B, port: 99 }), "replayed");
  assertEquals(asked.responder.handleInit(100_000, init, A), "repeated");
  assertEquals([asked.responder.halfOpenCount, asked.opened[0]?.answered.length], [1, MAX_ANSWERED]);
});

Deno.test("a recorded INIT gets no answer once its handshake was confirmed or has expired", () => {
  const asked = new Asked();
  const init = firstInit(initiator());
  asked.responder.handleInit(0, init, A);
  const [half] = asked.opened;
  assert(half !== undefined && asked.responder.take(half.localIndex) === half);
  assertEquals(asked.responder.handleInit(1, init, A), "replayed");

  const late = new Asked();
  late.responder.handleInit(0, init, A);
  assertEquals(late.responder.pollTimeout(), { atUs: HALF_OPEN_US, reason: "half-open" });
  late.responder.handleTimeout(HALF_OPEN_US - 1);
  assertEquals(late.responder.halfOpenCount, 1);
  late.responder.handleTimeout(HALF_OPEN_US);
  assertEquals([late.responder.halfOpenCount, late.responder.expired, late.forgotten.length], [0, 1, 1]);
  assertEquals(late.responder.pollTimeout(), null);
  assertEquals(late.responder.handleInit(HALF_OPEN_US, init, A), "replayed");
});

Deno.test("an initiator asks after 100, 200, 400, 800 and then 1,000 ms, give or take a fifth, and gives up after 10 s", () => {
  const dialler = initiator();
  const asks: number[] = [];
  let nowUs = 0;
  for (;;) {
    const timeout = dialler.pollTimeout();
    if (timeout === null) break;
    nowUs = timeout.atUs;
    dialler.handleTimeout(nowUs);
    if (dialler.pollDatagram(nowUs) !== null) asks.push(nowUs);
    assertEquals(dialler.pollDatagram(nowUs), null, "once a deadline");
  }
  assertEquals([dialler.state, nowUs], ["failed", GIVE_UP_US]);
  for (const [i, askUs] of asks.entries()) {
    if (i === 0) continue;
    const pauseUs = askUs - (asks[i - 1] ?? 0);
    const wantedUs = RETRY_US[Math.min(i - 1, RETRY_US.length - 1)] ?? 0;
    assert(Math.abs(pauseUs - wantedUs) <= RETRY_JITTER * wantedUs + 1, `pause ${i}: ${pauseUs}`);
  }
  assert(asks.length >= 11 && asks.length <= 16, `${asks.length} asks`);
});

Deno.test("above the load of one source a cookie is demanded, and whoever shows it is answered", () => {
  const asked = new Asked();
  for (let i = 0; i < COOKIE_INITS_PER_SOURCE; i++) {
    const random = seededRandom(1_000 + i);
    const verdict = asked.responder.handleInit(i, firstInit(initiator(testRing(1), { random })), A);
    assertEquals(verdict, "answered");
    asked.responder.take(asked.opened.at(-1)?.localIndex ?? 0);
  }
  const dialler = initiator();
  assertEquals(asked.responder.handleInit(100, firstInit(dialler), A), "cookie");
  const cookie = asked.responder.reply.slice();
  assertEquals(cookie.length, COOKIE_DATAGRAM_BYTES);
  assert(cookie.length < HANDSHAKE_BYTES);
  assertEquals(asked.responder.halfOpenCount, 0, "nothing is kept");

  for (let bit = 8; bit < cookie.length * 8; bit++) {
    assert(dialler.handleCookie(200, flipBit(cookie, bit)) !== null, `bit ${bit}`);
  }
  const elsewhere = initiator(testRing(1), { random: seededRandom(9) });
  firstInit(elsewhere);
  assertEquals(elsewhere.handleCookie(200, cookie), "forged", "the cookie of another question");
  assertEquals(dialler.handleCookie(200, cookie), null);
  assertEquals(dialler.handleCookie(200, cookie), "rate-limited", "one a question");
  const again = firstInit(dialler, 200);
  assertEquals(
    asked.responder.handleInit(300, again, B),
    "answered",
    "no load from there: no cookie is asked",
  );
  assertEquals(
    asked.responder.handleInit(300, again, A),
    "repeated",
    "and the cookie counts at its own address",
  );
});

/** Brings a responder over the load of the node, from many sources. */
function load(asked: Asked, nowUs: number): void {
  for (let i = 0; i <= COOKIE_INITS_PER_NODE; i++) {
    const random = seededRandom(5_000 + nowUs + i);
    const from: IpEndpoint = { host: `10.9.${i >> 3}.${i & 7}`, port: 1 };
    asked.responder.handleInit(nowUs, firstInit(initiator(testRing(1), { random })), from);
  }
}

Deno.test("a cookie counts for its address alone, and for at most four minutes", () => {
  const asked = new Asked();
  load(asked, 0);
  const dialler = initiator();
  assertEquals(asked.responder.handleInit(0, firstInit(dialler), A), "cookie");
  assertEquals(dialler.handleCookie(0, asked.responder.reply.slice()), null);
  const proven = firstInit(dialler, 0);
  assertEquals(asked.responder.handleInit(0, proven, B), "cookie");
  assertEquals(asked.responder.handleInit(0, proven, { ...A, port: A.port + 1 }), "cookie");
  load(asked, 2 * COOKIE_SECRET_US - 1);
  assertEquals(asked.responder.handleInit(2 * COOKIE_SECRET_US - 1, proven, A), "answered");

  const later = new Asked();
  load(later, 0);
  later.responder.handleInit(0, firstInit(dialler, 2_000_000), A);
  load(later, COOKIE_SECRET_US);
  load(later, 2 * COOKIE_SECRET_US);
  assertEquals(later.responder.handleInit(2 * COOKIE_SECRET_US, proven, A), "cookie");
});

Deno.test("a source that shows cookies is answered so many times a second and no more", () => {
  const asked = new Asked();
  load(asked, 0);
  const verdicts = new Map<string, number>();
  for (let i = 0; i < 3 * MAX_PROVEN_INITS_PER_SECOND; i++) {
    const dialler = initiator(testRing(1), { random: seededRandom(20_000 + i) });
    assertEquals(asked.responder.handleInit(i, firstInit(dialler), A), "cookie");
    assertEquals(dialler.handleCookie(i, asked.responder.reply.slice()), null);
    const verdict = asked.responder.handleInit(i, firstInit(dialler, i), A);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  assertEquals(Object.fromEntries(verdicts), {
    "answered": MAX_PROVEN_INITS_PER_SECOND,
    "rate-limited": 2 * MAX_PROVEN_INITS_PER_SECOND,
  });
});

Deno.test("a flood of members' INITs from everywhere keeps little, answers less than it is sent, and then asks for cookies", () => {
  const asked = new Asked();
  let sent = 0;
  let received = 0;
  const verdicts = new Map<string, number>();
  for (let i = 0; i < 2_000; i++) {
    const random = seededRandom(50_000 + i);
    const init = firstInit(initiator(testRing(1), { random }));
    const verdict = asked.responder.handleInit(i * 10, init, { host: `10.8.${i >> 8}.${i & 255}`, port: i });
    received += init.length;
    if (verdict === "answered" || verdict === "cookie") sent += asked.responder.reply.length;
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  assertEquals(verdicts.get("answered"), COOKIE_INITS_PER_NODE);
  assertEquals(verdicts.get("cookie"), 2_000 - COOKIE_INITS_PER_NODE);
  assert(sent < received / 3, `${sent} B for ${received} B`);
  assertEquals(asked.responder.halfOpenCount, COOKIE_INITS_PER_NODE);
});

Deno.test("half-open handshakes make cookies due, and are bounded even for those who show them", () => {
  const asked = new Asked();
  let cookies = 0;
  for (let i = 0; i < MAX_HALF_OPEN + 100; i++) {
    const dialler = initiator(testRing(1), { random: seededRandom(90_000 + i) });
    // Slow and from many places, so that no rate is exceeded.
    const nowUs = i * 8_000;
    const from: IpEndpoint = { host: `10.${i >> 8}.7.${i & 255}`, port: 9 };
    let verdict = asked.responder.handleInit(nowUs, firstInit(dialler), from);
    if (verdict === "cookie") {
      cookies++;
      dialler.handleCookie(0, asked.responder.reply.slice());
      verdict = asked.responder.handleInit(nowUs, firstInit(dialler, 0), from);
    }
    assertEquals(verdict, "answered");
  }
  assertEquals(cookies, MAX_HALF_OPEN + 100 - COOKIE_HALF_OPEN);
  assertEquals([asked.responder.halfOpenCount, asked.responder.evicted], [MAX_HALF_OPEN, 100]);
  assertEquals(asked.forgotten.length, 100);
  assertEquals(asked.forgotten[0], asked.opened[0], "the oldest goes first");
});

Deno.test("an INIT that crosses one of ours is left alone, and answered when ours has come to nothing", () => {
  const asked = new Asked();
  asked.crossed = true;
  const init = firstInit(initiator());
  assertEquals(asked.responder.handleInit(0, init, A), "crossed");
  asked.crossed = false;
  assertEquals(asked.responder.handleInit(1_000_000, init, A), "answered");
});

Deno.test("an ephemeral key of low order is refused by both ends", () => {
  const asked = new Asked();
  const dialler = initiator();
  const init = firstInit(dialler);
  init.fill(0, 18, 50);
  assertEquals(asked.responder.handleInit(0, init, A), "forged", "mac1 covers it");
});

Deno.test("a hello keeps what it says, is bounded, and refuses what cannot be", () => {
  const hello = {
    laneVersion: 3,
    maxAckDelayUs: 1_048_560,
    extensions: [{ type: 7, bytes: new Uint8Array(200).fill(5) }],
  };
  const bytes = encodeHello(hello);
  assert(bytes !== null);
  assertEquals(decodeHello(bytes), hello);
  assertEquals(decodeHello(encodeHello({ ...hello, maxAckDelayUs: 9e9, extensions: [] }) ?? bytes), {
    ...hello,
    extensions: [],
  });
  assertEquals(encodeHello({ ...hello, extensions: [{ type: 1, bytes: new Uint8Array(251) }] }), null);
  assertEquals(encodeHello({ ...hello, extensions: [{ type: 1, bytes: new Uint8Array(256) }] }), null);
  for (let length = 0; length < bytes.length; length++) {
    const read = decodeHello(bytes.subarray(0, length));
    assertEquals(read === null, length !== 4, `${length} bytes`);
  }
  assertEquals(decodeHello(new Uint8Array([1, 1, 0, 0])), null);
  assertEquals(decodeHello(new Uint8Array(257)), null);
});
