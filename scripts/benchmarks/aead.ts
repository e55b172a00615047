// Measures what lib/security costs on this machine: every cipher and back end by message size, then handshakes,
// whole channels and signed datagrams. `scripts/bench aead [--json]`.
// The choice of suite and back ends (noise_suite.ts, aead_load.ts) rests on this table.

import type { RandomStream } from "../../lib/platform/mod.ts";
import { type AeadCipher, loadAead, NO_AAD } from "../../lib/security/mod.ts";
import {
  ChannelCounters,
  DatagramAuthenticator,
  loadSessionSuite,
  MeshKey,
  MeshKeyRing,
  ReplayGuard,
  SecureChannel,
} from "../../lib/security/mod.ts";
import { nobleCipher } from "../../lib/security/aead_noble.ts";
import { nodeCipher } from "../../lib/security/aead_node.ts";
import { wasmCipher } from "../../lib/security/aead_wasm.ts";
import { X25519KeyPair } from "../../lib/security/x25519.ts";

const SIZES = [64, 256, 1200, 2048, 3072, 4096, 16_384, 65_519];
const ROUNDS = 7;
const ROUND_MS = 12;

interface Result {
  readonly name: string;
  readonly bytes: number;
  readonly usPerOp: number;
}

const results: Result[] = [];
const random: RandomStream = {
  u32: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  float: () => Math.random(),
  fill: (target) => {
    crypto.getRandomValues(target as Uint8Array<ArrayBuffer>);
    return target;
  },
};

/** Microseconds of one call: the best of several rounds, after a warm-up. */
function measure(name: string, bytes: number, run: () => void): number {
  let calls = 1;
  for (;;) {
    const started = performance.now();
    for (let i = 0; i < calls; i++) run();
    if (performance.now() - started >= ROUND_MS / 2) break;
    calls *= 2;
  }
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    for (let i = 0; i < calls; i++) run();
    best = Math.min(best, ((performance.now() - started) * 1000) / calls);
  }
  results.push({ name, bytes, usPerOp: Math.round(best * 100) / 100 });
  return best;
}

function print(cells: readonly (string | number)[]): void {
  if (Deno.args.includes("--json")) return;
  const text = cells.map((cell, i) => i === 0 ? String(cell).padEnd(34) : String(cell).padStart(9));
  Deno.stdout.writeSync(new TextEncoder().encode(text.join("") + "\n"));
}

function benchCipher(cipher: AeadCipher): void {
  const aead = cipher.withKey(new Uint8Array(32).fill(7));
  const nonce = new Uint8Array(12);
  for (const direction of ["seal", "open"] as const) {
    const name = `${cipher.name} ${cipher.backEnd} ${direction}`;
    const cells: string[] = [];
    for (const bytes of SIZES) {
      const plain = random.fill(new Uint8Array(bytes));
      const sealed = new Uint8Array(bytes + 16);
      aead.seal(sealed, nonce, NO_AAD, plain);
      const out = new Uint8Array(bytes + 16);
      cells.push(
        (direction === "seal"
          ? measure(name, bytes, () => void aead.seal(out, nonce, NO_AAD, plain))
          : measure(name, bytes, () => void aead.open(out, nonce, NO_AAD, sealed))).toFixed(2),
      );
    }
    print([name, ...cells]);
  }
}

const started = performance.now();
const chosen = [(await loadAead("ChaChaPoly")).cipher, (await loadAead("AESGCM")).cipher];
print([`load and self-test: ${(performance.now() - started).toFixed(1)} ms`]);
print(["µs a message, by bytes of text", ...SIZES]);
for (
  const cipher of [
    chosen[0],
    wasmCipher(),
    nodeCipher("ChaChaPoly"),
    nodeCipher("AESGCM"),
    nobleCipher("ChaChaPoly"),
    nobleCipher("AESGCM"),
  ]
) if (cipher !== undefined) benchCipher(cipher);

const suite = await loadSessionSuite();
const ring = new MeshKeyRing(new MeshKey(random.fill(new Uint8Array(32))), null);
const ignore = { onPlaintext: () => {} };
const context = { suite, ring, random, counters: new ChannelCounters(), replayGuard: new ReplayGuard() };

/** A dialler and a listener that have shaken hands. */
function connect(): [SecureChannel, SecureChannel] {
  const dialler = SecureChannel.dial(context);
  const listener = SecureChannel.listen(context);
  listener.handleBytes(dialler.pollOutput() ?? NO_AAD, ignore);
  dialler.handleBytes(listener.pollOutput() ?? NO_AAD, ignore);
  return [dialler, listener];
}

const ephemeral = random.fill(new Uint8Array(32));
const peer = new X25519KeyPair(random.fill(new Uint8Array(32))).publicKey;
const keyPair = new X25519KeyPair(ephemeral);
print([
  "X25519 key pair",
  measure("x25519 key pair", 32, () => void new X25519KeyPair(ephemeral)).toFixed(1),
]);
print(["X25519 agreement", measure("x25519 agree", 32, () => void keyPair.agree(peer)).toFixed(1)]);
print(["handshake, both sides", measure("handshake", 0, () => void connect()).toFixed(1)]);
print(["µs, by bytes", ...SIZES]);
const [dialler, listener] = connect();
print([
  "channel, seal and handle a record",
  ...SIZES.map((bytes) => {
    const plain = random.fill(new Uint8Array(bytes));
    const record = new Uint8Array(SecureChannel.sealedLength(bytes));
    return measure("channel record", bytes, () => {
      dialler.sealInto(record, plain);
      listener.handleBytes(record, ignore);
    }).toFixed(2);
  }),
]);
const authenticator = new DatagramAuthenticator(ring);
const DATAGRAMS = [64, 320, 1184];
print(["µs, by bytes", ...DATAGRAMS]);
for (const what of ["sign", "verify"] as const) {
  print([
    `datagram, ${what}`,
    ...DATAGRAMS.map((bytes) => {
      const datagram = random.fill(new Uint8Array(bytes + 16));
      authenticator.sign(datagram, bytes);
      return measure(`datagram ${what}`, bytes, () => {
        if (what === "sign") authenticator.sign(datagram, bytes);
        else authenticator.verify(datagram);
      }).toFixed(2);
    }),
  ]);
}
if (Deno.args.includes("--json")) {
  Deno.stdout.writeSync(
    new TextEncoder().encode(JSON.stringify({ schema: "hana.bench-aead/1", results }, null, 2) + "\n"),
  );
}
