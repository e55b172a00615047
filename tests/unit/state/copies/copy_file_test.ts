// A copy at rest is whole, or it is none.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { decodeCopyFile, encodeCopyFile } from "../../../../lib/state/copies/mod.ts";
import type { StandbyUpdate } from "../../../../lib/state/host/mod.ts";
import { CopiedHost } from "./support.ts";

function fileOf(update: StandbyUpdate): Uint8Array {
  const bytes = encodeCopyFile(update);
  assert(bytes !== null);
  return bytes;
}

/** Why a file is refused. */
function whyNot(bytes: Uint8Array): string {
  const read = decodeCopyFile(bytes);
  assert("why" in read, `${bytes.length} bytes were read`);
  return read.why;
}

function smallHost(): CopiedHost {
  const host = new CopiedHost();
  host.happen([4, 0, 0, 0]);
  host.happen([0, 0, 0, 5]);
  host.happen([6, 0, 0, 0]);
  return host;
}

Deno.test("a copy at rest comes back as it was", () => {
  const host = smallHost();
  const update = host.bench.host.snapshot();
  assertEquals(decodeCopyFile(fileOf(update)), update);
  const copied = host.copy.snapshot();
  assert(copied !== null);
  assertEquals(decodeCopyFile(fileOf(copied)), copied);
});

Deno.test("a small copy that is cut at any byte, goes on, or has any bit wrong is refused", () => {
  const bytes = fileOf(smallHost().bench.host.snapshot());
  const reasons = new Set<string>();
  for (let end = 0; end < bytes.length; end++) {
    reasons.add(whyNot(bytes.subarray(0, end)).replace(/\d+/g, "n"));
  }
  reasons.add(whyNot(new Uint8Array([...bytes, 0])).replace(/\d+/g, "n"));
  for (let at = 0; at < bytes.length * 8; at++) {
    const flipped = bytes.slice();
    flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
    reasons.add(whyNot(flipped).replace(/\d+/g, "n"));
  }
  assertEquals(reasons.size, 5, [...reasons].join("\n"));
});

Deno.test("a large copy that is cut or damaged anywhere is refused", () => {
  const host = new CopiedHost();
  for (let at = 0; at < 2_000; at++) host.define(`wall-${at % 40}/object-${at}/hue`, 0);
  const bytes = fileOf(host.bench.host.snapshot());
  assert(bytes.length > 40_000, `${bytes.length}`);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      whyNot(bytes.subarray(0, at));
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ by;
      whyNot(damaged);
    }),
    { numRuns: 400 },
  );
});

Deno.test("a difference is no copy, and neither is a file of another kind", () => {
  const host = smallHost();
  const difference = host.updates.at(-1);
  assert(difference !== undefined && difference.base > 0);
  assertEquals(encodeCopyFile(difference), null);
  assert(whyNot(new TextEncoder().encode("x".repeat(100))).includes("no copy"));
  assert(whyNot(new Uint8Array(0)).includes("bytes at least"));
});
