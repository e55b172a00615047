// Handshakes by access keys: who is let in as whom, and that nothing said in the clear can be changed.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ACCESS_LEVELS } from "../../../lib/base/mod.ts";
import {
  type AccessGrant,
  AccessKeyRing,
  channelError,
  type ChannelFailure,
  type KeyRing,
  type MeshKey,
  MeshKeyRing,
  openMeshKeyRing,
  ReplayGuard,
  revoke,
  rotate,
  SecureChannel,
} from "../../../lib/security/mod.ts";
import { connected, Endpoint, endpoints, flipBit, testContext, testKey, testRing } from "./support.ts";

const ANNA: AccessGrant = { name: "anna", level: "crew", expiresS: null };

function accessRing(key: MeshKey, grant: AccessGrant = ANNA): AccessKeyRing {
  return new AccessKeyRing(key.accessKey(grant));
}

function openingOf(ring: KeyRing): Uint8Array {
  return new Endpoint(SecureChannel.dial(testContext(ring))).output();
}

/** What a listener of this ring makes of an opening, and that it answers nobody whom it refuses. */
function refusal(opening: Uint8Array, ring: KeyRing = testRing(1)): ChannelFailure | null {
  const listener = new Endpoint(SecureChannel.listen(testContext(ring)));
  const failure = listener.feed(opening);
  if (failure !== null) assertEquals(listener.output().length, 0);
  return failure;
}

Deno.test("a node lets a holder in as whom its key says, without knowing of it before", () => {
  for (const level of ACCESS_LEVELS) {
    for (const expiresS of [null, 4_000_000_000]) {
      const grant = { name: "anna", level, expiresS };
      const pair = connected(
        testContext(accessRing(testKey(1), grant)),
        testContext(testRing(1), { wallMs: () => 1_700_000_000_000 }),
      );
      assertEquals(pair.listener.text, "hello");
      assertEquals(pair.listener.channel.claim, { grant, refusal: null });
      assertEquals(pair.dialler.channel.claim, null);
      pair.dialler.feed(pair.listener.seal("good evening"));
      assertEquals(pair.dialler.text, "good evening");
      assertEquals(
        pair.dialler.channel.exportKeys("udp")?.send,
        pair.listener.channel.exportKeys("udp")?.receive,
      );
    }
  }
});

Deno.test("a dialler with the mesh key claims nothing, and its opening has the bytes that it had", () => {
  const pair = connected(testContext(testRing(1)), testContext(testRing(1)));
  assertEquals(pair.listener.channel.claim, null);
  assertEquals([...openingOf(testRing(1)).subarray(0, 7)], [0x48, 0x41, 0x4e, 0x41, 1, 1, 1]);
});

Deno.test("the opening by an access key is the documented bytes", () => {
  const key = testKey(1);
  const opening = openingOf(accessRing(key, { name: "ünal", level: "operator", expiresS: 0x01020304 }));
  const name = new TextEncoder().encode("ünal");
  assertEquals([...opening.subarray(0, 12)], [0x48, 0x41, 0x4e, 0x41, 2, 1, 2, 5, 1, 2, 3, 4]);
  assertEquals(opening.subarray(12, 20), key.id);
  assertEquals(opening.subarray(20, 25), name);
  assertEquals(opening.length, 25 + 32 + 16);
});

Deno.test("every flipped bit of an opening by an access key is refused without an answer", () => {
  const honest = openingOf(accessRing(testKey(1)));
  const seen = new Set<ChannelFailure | null>();
  for (let bit = 0; bit < honest.length * 8; bit++) {
    const listener = new Endpoint(SecureChannel.listen(testContext(testRing(1))));
    const failure = listener.feed(flipBit(honest, bit));
    seen.add(failure);
    assertEquals(listener.output().length, 0, `bit ${bit}`);
    assertNotEquals(listener.channel.state, "confirming", `bit ${bit}`);
    // A longer name is awaited; a shorter one leaves bytes that fit nothing.
    if (failure === null) assertEquals(listener.channel.state, "handshaking", `bit ${bit}`);
  }
  for (
    const failure of ["not-hana", "bad-version", "bad-suite", "bad-preamble", "stranger", "forged-handshake"]
  ) {
    assert(seen.has(failure as ChannelFailure), failure);
  }
});

Deno.test("a holder who claims another level, name or end has the wrong key for it", () => {
  const key = testKey(1);
  const honest = openingOf(accessRing(key));
  const claims: AccessGrant[] = [
    { ...ANNA, level: "operator" },
    { ...ANNA, level: "viewer" },
    { ...ANNA, name: "bert" },
    { ...ANNA, expiresS: 4_000_000_000 },
  ];
  for (const claim of claims) {
    // The head that the claim would have, with the handshake of the true key: and with one computed for that head.
    const wanted = openingOf(accessRing(key, claim));
    const spliced = wanted.slice();
    spliced.set(honest.subarray(honest.length - 48), wanted.length - 48);
    assertEquals(refusal(spliced), "forged-handshake", JSON.stringify(claim));
    const lying = new (class extends AccessKeyRing {
      override get grant(): AccessGrant {
        return claim;
      }
    })(key.accessKey(ANNA));
    assertEquals(refusal(openingOf(lying)), "forged-handshake", JSON.stringify(claim));
  }
});

Deno.test("a revoked or expired key is proved, and named with why it is not wanted", () => {
  const revoked = new MeshKeyRing(testKey(1), null, "keyed", revoke([], "anna", testKey(1).idText));
  const pair = connected(testContext(accessRing(testKey(1))), testContext(revoked));
  assertEquals(pair.listener.channel.claim?.grant, ANNA);
  assertEquals(pair.listener.channel.claim?.refusal?.code, "refused");
  const ended = accessRing(testKey(1), { ...ANNA, expiresS: 1_000 });
  const late = connected(testContext(ended), testContext(testRing(1), { wallMs: () => 1_000_000 }));
  assertEquals(late.listener.channel.claim?.refusal?.code, "refused");
  const early = connected(testContext(ended), testContext(testRing(1), { wallMs: () => 999_000 }));
  assertEquals(early.listener.channel.claim?.refusal, null);
});

Deno.test("an access key lives through one rotation of the mesh key, and not through two", () => {
  const ring = new MeshKeyRing(testKey(1), null);
  const once = rotate(ring, testKey(2));
  const pair = connected(testContext(accessRing(testKey(1))), testContext(once));
  assertEquals([pair.listener.channel.claim?.grant, pair.listener.channel.slot], [ANNA, "previous"]);
  const fresh = connected(testContext(accessRing(testKey(2))), testContext(once));
  assertEquals(fresh.listener.channel.slot, "primary");
  assertEquals(refusal(openingOf(accessRing(testKey(1))), rotate(once, testKey(3))), "stranger");
});

Deno.test("who holds an access key alone answers nobody: no holder, no node", () => {
  const holder = accessRing(testKey(1));
  for (
    const ring of [holder, accessRing(testKey(1), { ...ANNA, name: "bert" }), testRing(1), openMeshKeyRing()]
  ) {
    assertEquals(refusal(openingOf(ring), holder), "access-alone");
  }
});

Deno.test("the open mesh lets nobody be somebody, since anybody can derive its keys", () => {
  assertEquals(refusal(openingOf(accessRing(openMeshKeyRing().primary)), openMeshKeyRing()), "stranger");
});

Deno.test("an access key of another mesh is a stranger", () => {
  assertEquals(refusal(openingOf(accessRing(testKey(2)))), "stranger");
});

Deno.test("the opening of a holder that is played back gets no answer", () => {
  const context = testContext(testRing(1), { replayGuard: new ReplayGuard() });
  const opening = openingOf(accessRing(testKey(1)));
  const first = new Endpoint(SecureChannel.listen(context));
  assertEquals(first.feed(opening), null);
  const second = new Endpoint(SecureChannel.listen(context));
  assertEquals([second.feed(opening), second.output().length], ["replayed-handshake", 0]);
});

Deno.test("an opening by an access key may come in any pieces", () => {
  const pair = endpoints(testContext(accessRing(testKey(1))), testContext(testRing(1)));
  for (const byte of pair.dialler.output()) assertEquals(pair.listener.feed(new Uint8Array([byte])), null);
  pair.dialler.feed(pair.listener.output());
  // The first record on the heels of nothing but its opening.
  pair.listener.feed(pair.dialler.seal("hello"));
  assertEquals([pair.listener.text, pair.listener.channel.claim?.grant.name], ["hello", "anna"]);
});

Deno.test("a holder whom nobody answers is told what that can mean", () => {
  const { dialler } = endpoints(testContext(accessRing(testKey(1))), testContext(testRing(2)));
  dialler.output();
  const failure = dialler.channel.handleEnd();
  assertEquals(failure, "access-unanswered");
  assert(failure !== null);
  const error = channelError(failure, "tcp://10.0.0.2:47677");
  assertEquals(error.code, "authentication");
  assert(error.why?.includes("rotated"), error.why);
});
