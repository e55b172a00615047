// The small parts of a sending lane, each beside the plain collection that it stands for.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Arena } from "../../../../lib/lanes/sending/arena.ts";
import { ByteRanges } from "../../../../lib/lanes/sending/byte_ranges.ts";
import { IndexMap } from "../../../../lib/lanes/sending/index_map.ts";
import { Repairs } from "../../../../lib/lanes/sending/repairs.ts";

Deno.test("byte ranges are a set of bytes, sorted, apart, and never empty", () => {
  const step = fc.record({ add: fc.boolean(), start: fc.nat(60), length: fc.nat(12) });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 60 }), (steps) => {
    const ranges = new ByteRanges();
    const set = new Set<number>();
    for (const { add, start, length } of steps) {
      if (add) ranges.add(start, start + length);
      else ranges.remove(start, start + length);
      for (let i = start; i < start + length; i++) add ? set.add(i) : set.delete(i);
      const bytes: number[] = [];
      for (let i = 0; i < ranges.count; i++) {
        assert(ranges.start(i) < ranges.end(i));
        assert(i === 0 || ranges.start(i) > ranges.end(i - 1));
        for (let at = ranges.start(i); at < ranges.end(i); at++) bytes.push(at);
      }
      assertEquals(bytes, [...set].toSorted((a, b) => a - b));
      const whole = length > 0 && Array.from({ length }, (_, i) => start + i).every((at) => set.has(at));
      if (length > 0) assertEquals(ranges.has(start, start + length), whole);
    }
  }));
});

Deno.test("an index map is a map, however its keys collide", () => {
  const step = fc.record({ remove: fc.boolean(), key: fc.integer({ min: 0, max: 80 }), value: fc.nat(1000) });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 200 }), fc.boolean(), (steps, isFar) => {
    const map = new IndexMap();
    const plain = new Map<number, number>();
    for (const { remove, key, value } of steps) {
      const number = isFar ? 2 ** 32 * (key % 3) + key * 4096 : key;
      if (remove) {
        map.delete(number);
        plain.delete(number);
      } else {
        map.set(number, value);
        plain.set(number, value);
      }
      assertEquals(map.size, plain.size);
      for (let k = 0; k <= 80; k++) {
        const other = isFar ? 2 ** 32 * (k % 3) + k * 4096 : k;
        assertEquals(map.get(other), plain.get(other) ?? -1);
      }
    }
  }));
});

Deno.test("repairs are a set that names its lowest number, over any window and while it grows", () => {
  const step = fc.record({ what: fc.nat(2), offset: fc.nat(63) });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 200 }), fc.nat(200), (steps, shift) => {
    const repairs = new Repairs(64);
    const base = 2 ** 32 - shift;
    const set = new Set<number>();
    let capacity = 64;
    for (const { what, offset } of steps) {
      const number = base + offset;
      if (what === 0) {
        repairs.add(number);
        set.add(number);
      } else if (what === 1) {
        repairs.remove(number);
        set.delete(number);
      } else if (capacity < 512 && offset === 0) {
        capacity *= 2;
        repairs.grow(capacity);
      }
      assertEquals(repairs.count, set.size);
      if (set.size > 0) assertEquals(repairs.first(), Math.min(...set));
    }
  }));
});

Deno.test("an arena keeps every message in one piece, where it was, until it is released in order", () => {
  const step = fc.record({ release: fc.boolean(), length: fc.nat(3000) });
  fc.assert(fc.property(fc.array(step, { size: "max", maxLength: 100 }), (steps) => {
    const arena = new Arena(20_000);
    const held: { position: number; bytes: Uint8Array }[] = [];
    let seed = 0;
    for (const { release, length } of steps) {
      const heldBytes = held.reduce((sum, { bytes }) => sum + bytes.length, 0);
      if (release) {
        held.shift();
        const first = held[0];
        if (first === undefined) arena.releaseAll();
        else arena.releaseTo(first.position);
      } else {
        const bytes = new Uint8Array(length).map((_, i) => i * 3 + seed);
        seed++;
        if (arena.append(bytes)) held.push({ position: arena.position, bytes });
        else assert(heldBytes + length > 20_000, "it takes what it was made for");
      }
      for (const { position, bytes } of held) {
        const at = arena.indexOf(position);
        assertEquals(arena.bytes.slice(at, at + bytes.length), bytes);
      }
      assert(arena.capacity <= 65_536);
    }
  }));
});
