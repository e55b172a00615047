// Feeds broken bytes to everything in lib/security that reads what a stranger can send or a person can mistype.
// A run fails when anything is thrown but a HanaError of the code that the entry point promises, when a stranger
// gets an answer, and when anything altered is taken for authentic.

import { equalBytes, type ErrorCode, HanaError, toHex } from "../../lib/base/mod.ts";
import type { Files, RandomStream } from "../../lib/platform/mod.ts";
import {
  AccessKeyRing,
  ChannelCounters,
  DATAGRAM_TAG_BYTES,
  DatagramAuthenticator,
  formatAccessCode,
  formatJoinCode,
  formatKeyFile,
  loadKeyRing,
  loadSessionSuite,
  MeshKey,
  MeshKeyRing,
  parseAccessCode,
  parseJoinCode,
  ReplayGuard,
  SecureChannel,
} from "../../lib/security/mod.ts";
import { Mutator } from "./mutate.ts";
import { type FuzzReport, type Shares, takeTurns, type Target } from "./turns.ts";

const suite = await loadSessionSuite();

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`fuzzing lib/security: ${claim}`);
}

/** Runs `read`; null when it refused with the promised code, and anything else goes through. */
function refusedWith<T>(code: ErrorCode, read: () => T): T | null {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof HanaError && thrown.code === code) return null;
    throw thrown;
  }
}

/** Draws of its own for every channel, the same ones whenever the same `number` is asked for. */
function stream(number: number): RandomStream {
  const mutator = new Mutator(number);
  return {
    u32: () => mutator.u32(),
    float: () => mutator.u32() / 2 ** 32,
    fill: (target) => {
      target.set(mutator.bytes(target.length));
      return target;
    },
  };
}

function key(number: number): MeshKey {
  return new MeshKey(stream(number).fill(new Uint8Array(32)), `mesh ${number}`, number);
}

const ring = new MeshKeyRing(key(1), key(2));
const access = key(1).accessKey({ name: "anna", level: "crew", expiresS: 4_000_000_000 });

function context(number: number) {
  return {
    suite,
    ring,
    random: stream(number),
    counters: new ChannelCounters(),
    replayGuard: new ReplayGuard(),
  };
}

/** Mutated first bytes of a dialler, fed to a listener: of one with the mesh key, and of one with an access key. */
function openings(mutator: Mutator): Target {
  // One offer, so that every byte of the opening matters.
  const rings = [new MeshKeyRing(ring.primary, null), new AccessKeyRing(access)];
  const all = rings.map((one) =>
    SecureChannel.dial({ ...context(10), ring: one }).pollOutput() ?? new Uint8Array(0)
  );
  return () => {
    const honest = all[mutator.below(all.length)] ?? new Uint8Array(0);
    const input = mutator.mutate(honest);
    const listener = SecureChannel.listen(context(11));
    feed(mutator, listener, input, () => check(false, "a listener without a session gave out plaintext"));
    const answered = listener.pollOutput() !== null || listener.state === "confirming";
    // A splice may make one honest opening of two.
    const whole = all.findIndex((each) => equalBytes(input.subarray(0, each.length), each));
    const intact = whole >= 0;
    const isGuest = listener.claim !== null;
    check(!isGuest || whole === 1, "somebody was let in under a name that is not its own");
    check(!answered || intact, `an altered opening was answered: ${toHex(input)}`);
    check(
      !intact || answered || listener.failure === "forged-record" || listener.failure === "bad-record",
      "refused an honest opening",
    );
    return answered;
  };
}

/** Mutated answers of a listener, fed to the dialler that asked. */
function answers(mutator: Mutator): Target {
  const listener = SecureChannel.listen(context(21));
  const opening = SecureChannel.dial(context(20)).pollOutput() ?? new Uint8Array(0);
  listener.handleBytes(opening, { onPlaintext: () => {} });
  const honest = listener.pollOutput() ?? new Uint8Array(0);
  return () => {
    const input = mutator.mutate(honest);
    const dialler = SecureChannel.dial(context(20));
    feed(mutator, dialler, input, () => check(false, "an altered answer carried plaintext"));
    const intact = equalBytes(input.subarray(0, honest.length), honest);
    check(!dialler.established || intact, `an altered answer was accepted: ${toHex(input)}`);
    return dialler.established;
  };
}

/** Mutated runs of records, fed to an established listener. */
function records(mutator: Mutator): Target {
  const plain = [1, 40, 300].map((length) => stream(30 + length).fill(new Uint8Array(length)));
  return () => {
    const dialler = SecureChannel.dial(context(30));
    const listener = SecureChannel.listen(context(31));
    const ignore = { onPlaintext: () => {} };
    listener.handleBytes(dialler.pollOutput() ?? new Uint8Array(0), ignore);
    dialler.handleBytes(listener.pollOutput() ?? new Uint8Array(0), ignore);
    const sent = new Uint8Array(
      plain.reduce((sum, part) => sum + SecureChannel.sealedLength(part.length), 0),
    );
    let at = 0;
    for (const part of plain) at += dialler.sealInto(sent.subarray(at), part);

    const input = mutator.mutate(sent);
    let received = 0;
    feed(mutator, listener, input, (bytes) => {
      const expected = plain[received++];
      check(expected !== undefined && equalBytes(bytes, expected), `altered plaintext: ${toHex(input)}`);
    });
    return received === plain.length && listener.failure === null;
  };
}

/** Feeds `input` in pieces of random size. */
function feed(
  mutator: Mutator,
  channel: SecureChannel,
  input: Uint8Array,
  onPlaintext: (b: Uint8Array) => void,
): void {
  for (let at = 0; at < input.length;) {
    const length = mutator.below(4) === 0 ? 1 + mutator.below(9) : input.length - at;
    channel.handleBytes(input.subarray(at, at + length), { onPlaintext });
    at += length;
  }
}

/** Mutated signed datagrams. */
function datagrams(mutator: Mutator): Target {
  const authenticator = new DatagramAuthenticator(ring);
  const honest = [60, 320, 1184].map((length) => {
    const bytes = new Uint8Array(length + DATAGRAM_TAG_BYTES);
    stream(length).fill(bytes.subarray(0, length));
    authenticator.sign(bytes, length);
    return bytes;
  });
  const guest = new Uint8Array(honest[0] ?? []);
  new DatagramAuthenticator(new AccessKeyRing(access)).sign(guest, guest.length - DATAGRAM_TAG_BYTES);
  honest.push(guest);
  return () => {
    const input = mutator.mutate(honest[mutator.below(honest.length)] ?? new Uint8Array(0));
    const verdict = authenticator.verify(input, mutator.below(2) === 0 ? undefined : authenticator.keyTag);
    const intact = honest.some((datagram) => equalBytes(datagram, input));
    check(verdict !== "guest" || equalBytes(input, guest), "a member was taken for a guest");
    check(verdict !== "primary" || !equalBytes(input, guest), "a guest was taken for a member");
    check((verdict !== null) === intact, `${intact ? "refused an honest" : "accepted an altered"} datagram`);
    return verdict !== null;
  };
}

/** Mutated join codes. */
function joinCodes(mutator: Mutator): Target {
  const honest = key(40);
  const code = new TextEncoder().encode(formatJoinCode(honest));
  return () => {
    const text = new TextDecoder().decode(mutator.mutate(code));
    const read = refusedWith("usage", () => parseJoinCode(text));
    check(read === null || read.idText === honest.idText, `a join code became another key: ${text}`);
    return read !== null;
  };
}

/** Mutated access codes. */
function accessCodes(mutator: Mutator): Target {
  const text = formatAccessCode(access);
  const code = new TextEncoder().encode(text);
  return () => {
    const input = new TextDecoder().decode(mutator.mutate(code));
    const read = refusedWith("usage", () => parseAccessCode(input));
    check(read === null || formatAccessCode(read) === text, `an access code became another key: ${input}`);
    check(
      read === null || refusedWith("usage", () => parseJoinCode(input)) === null,
      "it is a join code as well",
    );
    return read !== null;
  };
}

/** Mutated key files, of mesh keys with a revoked name and of an access key. */
function keyFiles(mutator: Mutator): Target {
  const revoked = [{ name: "bert", keyIdText: ring.primary.idText }];
  const texts = [ring, new MeshKeyRing(key(1), null, "keyed", revoked), new AccessKeyRing(access)].map(
    formatKeyFile,
  );
  return () => {
    const text = texts[mutator.below(texts.length)] ?? "";
    const honest = new TextEncoder().encode(text);
    const input = mutator.mutate(honest);
    const files: Files = {
      read: () => input,
      write: () => {},
      remove: () => false,
      makeDirectory: () => {},
      stat: () => ({ kind: "file", size: input.length, mode: 0o600, userId: 1 }),
      list: () => [],
      lock: () => null,
      openAppend: () => ({ size: 0, append: () => {}, sync: () => {}, close: () => {} }),
      readAt: () => null,
      rename: () => false,
      isExecutable: () => false,
      freeBytes: () => null,
    };
    const read = refusedWith("config", () => loadKeyRing(files, "/mesh.key", 1));
    const same = read !== null && texts.includes(formatKeyFile(read));
    check(read === null || same, `a key file became another ring: ${new TextDecoder().decode(input)}`);
    return read !== null;
  };
}

/** How many of 16 iterations go to each entry point: the cheap ones get most. */
const SHARES: Shares = [
  [5, datagrams],
  [2, joinCodes],
  [1, accessCodes],
  [3, keyFiles],
  [3, openings],
  [1, answers],
  [1, records],
];

/** Feeds `iterations` mutated inputs; the same seed feeds the same ones. Throws at the first that does harm. */
export function fuzzSecurity(seed: number, iterations: number): FuzzReport {
  return takeTurns(SHARES, seed, iterations);
}
