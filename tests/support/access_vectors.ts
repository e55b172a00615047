// docs/vectors/access.json: access keys, their codes and whole handshakes by them, for who implements them in another
// language. Every draw is fixed, so that the same bytes come out.
// Run as a program it writes the file anew: `deno run -A tests/support/access_vectors.ts`.

import { type AccessLevel, toHex } from "../../lib/base/mod.ts";
import type { RandomStream } from "../../lib/platform/mod.ts";
import {
  AccessKeyRing,
  ChannelCounters,
  formatAccessCode,
  loadSessionSuite,
  MeshKey,
  MeshKeyRing,
  ReplayGuard,
  SecureChannel,
} from "../../lib/security/mod.ts";

/** Where the document is. */
export const ACCESS_VECTORS_URL: URL = new URL("../../docs/vectors/access.json", import.meta.url);

/** One access key and a handshake by it. */
export interface AccessVector {
  readonly meshKey: string;
  readonly name: string;
  readonly level: AccessLevel;
  /** Seconds since 1970; null for never. */
  readonly expires: number | null;
  readonly code: string;
  readonly psk: string;
  readonly queryKey: string;
  readonly diallerEphemeral: string;
  readonly listenerEphemeral: string;
  readonly opening: string;
  readonly answer: string;
  /** What both ends derive for datagrams beside the stream. */
  readonly keyFromDialler: string;
  readonly keyFromListener: string;
  /** The dialler's first record, with `text` in it. */
  readonly text: string;
  readonly record: string;
}

/** The document. */
export interface AccessVectors {
  readonly schema: "hana.access-vectors/1";
  readonly keys: readonly AccessVector[];
}

const suite = await loadSessionSuite();

function counting(first: number, length: number): Uint8Array {
  return new Uint8Array(length).map((_, i) => first + i);
}

function drawing(bytes: Uint8Array): RandomStream {
  return {
    u32: () => 0,
    float: () => 0,
    fill: (target) => {
      target.set(bytes);
      return target;
    },
  };
}

function vectorOf(
  meshKey: Uint8Array,
  name: string,
  level: AccessLevel,
  expires: number | null,
): AccessVector {
  const mesh = new MeshKey(meshKey);
  const key = mesh.accessKey({ name, level, expiresS: expires });
  const [diallerEphemeral, listenerEphemeral] = [counting(0x20, 32), counting(0x60, 32)];
  const shared = { suite, counters: new ChannelCounters(), replayGuard: new ReplayGuard(), wallMs: () => 0 };
  const dialler = SecureChannel.dial({
    ...shared,
    ring: new AccessKeyRing(key),
    random: drawing(diallerEphemeral),
  });
  const listener = SecureChannel.listen({
    ...shared,
    ring: new MeshKeyRing(mesh, null),
    random: drawing(listenerEphemeral),
  });
  const ignore = { onPlaintext: () => {} };
  const opening = dialler.pollOutput() ?? new Uint8Array(0);
  listener.handleBytes(opening, ignore);
  const answer = listener.pollOutput() ?? new Uint8Array(0);
  dialler.handleBytes(answer, ignore);
  const text = new TextEncoder().encode("good evening");
  const record = new Uint8Array(SecureChannel.sealedLength(text.length));
  dialler.sealInto(record, text);
  const failure = listener.handleBytes(record, ignore);
  const keys = dialler.exportKeys("udp");
  if (failure !== null || keys === null || listener.claim?.grant.name !== name) {
    throw new Error(`${name}: ${failure}`);
  }
  return {
    meshKey: toHex(meshKey),
    name,
    level,
    expires,
    code: formatAccessCode(key),
    psk: toHex(key.derive("session psk")),
    queryKey: toHex(key.derive("datagram query")),
    diallerEphemeral: toHex(diallerEphemeral),
    listenerEphemeral: toHex(listenerEphemeral),
    opening: toHex(opening),
    answer: toHex(answer),
    keyFromDialler: toHex(keys.send),
    keyFromListener: toHex(keys.receive),
    text: toHex(text),
    record: toHex(record),
  };
}

/** The document as the code makes it today. */
export function accessVectors(): AccessVectors {
  return {
    schema: "hana.access-vectors/1",
    keys: [
      vectorOf(counting(0x00, 32), "anna", "crew", null),
      vectorOf(counting(0x00, 32), "anna", "viewer", null),
      vectorOf(counting(0x80, 32), "ünal.foh_2", "operator", 4_102_444_800),
      vectorOf(counting(0x40, 32), "n".repeat(32), "viewer", 1),
    ],
  };
}

if (import.meta.main) {
  await Deno.writeTextFile(ACCESS_VECTORS_URL, JSON.stringify(accessVectors(), null, 2) + "\n");
}
