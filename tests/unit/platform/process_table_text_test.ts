// Reading what systems tell of processes: lines of /proc, the output of ps on a Mac, structures of Windows.

import { assertEquals } from "@std/assert";
import { entryOf } from "../../../lib/platform/deno/kernel32.ts";
import { familyOf } from "../../../lib/platform/deno/process_table/family.ts";
import { numbersIn, ProcReader } from "../../../lib/platform/deno/process_table/linux_proc.ts";
import { parseStat } from "../../../lib/platform/deno/process_table/linux_stat.ts";
import {
  parseCpuTime,
  parseMarked,
  parseProcesses,
} from "../../../lib/platform/deno/process_table/ps_text.ts";
import { linuxSyscalls } from "../../../lib/platform/deno/syscalls.ts";
import type { ProcessFacts } from "../../../lib/platform/mod.ts";
import "../../support/system_calls.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function statLine(name: string, state: string, threads = 1, size = 2_658_304): Uint8Array {
  return bytes(
    `4711 (${name}) ${state} 12 4711 4700 0 -1 4194304 81 0 0 0 150 25 0 0 20 0 ${threads} 0 99887766 ${size} 390 ` +
      "18446744073709551615 94 94 140 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
  );
}

Deno.test("a line of /proc gives its fields whatever the program calls itself", () => {
  for (const name of ["sleep", "two words", "a) R 1 (b", "(sd-pam)", ") Z 0 0 0", "", "früh"]) {
    assertEquals(parseStat(statLine(name, "S")), {
      name,
      state: "sleeping",
      parentId: 12,
      groupId: 4711,
      cpuUs: 1_750_000,
      threads: 1,
      startedAt: 99_887_766,
      hasMemory: true,
      residentPages: 390,
    });
  }
  for (const broken of ["", "4711", "4711 (x", "4711 (x)", "4711 (x) S", "4711 (x) S 1 2 a"]) {
    assertEquals([broken, parseStat(bytes(broken))], [broken, null]);
  }
});

Deno.test("every letter of the kernel has a state, and a program whose first thread has ended lives", () => {
  const states: (readonly [string, string])[] = [
    ...([["R", "running"], ["S", "sleeping"], ["I", "sleeping"], ["D", "uninterruptible"]] as const),
    ...([["T", "stopped"], ["t", "stopped"], ["Z", "zombie"], ["X", "zombie"], ["P", "sleeping"]] as const),
  ];
  for (const [letter, state] of states) {
    assertEquals([letter, parseStat(statLine("x", letter))?.state], [letter, state]);
  }
  assertEquals(parseStat(statLine("x", "Z", 3))?.state, "sleeping");
  assertEquals(parseStat(statLine("x", "Z", 1, 0))?.hasMemory, false);
});

Deno.test("numbers in a list of children are all there are", () => {
  assertEquals(numbersIn(bytes("1 22 333 ")), [1, 22, 333]);
  assertEquals([numbersIn(bytes("")), numbersIn(bytes("7")), numbersIn(null)], [[], [7], []]);
});

Deno.test("an entry of an environment is found at its start, its end, across pieces, and never inside another", async () => {
  const path = await Deno.makeTempFile();
  const readers = [new ProcReader(() => null)];
  const libc = linuxSyscalls();
  if (libc !== null) readers.push(new ProcReader(() => libc));
  const entry = bytes("MARK=one\0");
  const filler = (length: number): string => `F=${"x".repeat(length - 3)}\0`;
  const piece = 64 * 1024;
  const held: string[] = ["MARK=one\0", "A=b\0MARK=one\0", "MARK=one\0A=b\0", "MMARK=one\0MARK=one\0"];
  for (let shift = -12; shift <= 3; shift++) held.push(`${filler(piece + shift)}MARK=one\0B=c\0`);
  held.push(`${filler(piece)}${filler(piece)}${filler(piece - 4)}MARK=one\0`);
  const others = [
    "",
    "MARK=one",
    "MARK=one2\0",
    "XMARK=one\0",
    "A=MARK=one\0",
    "mark=one\0",
    filler(piece),
    "M\0ARK=one\0",
  ];
  for (const reader of readers) {
    for (const text of held) {
      Deno.writeTextFileSync(path, text);
      assertEquals([text.length, reader.holds(path, entry, 2 ** 21)], [text.length, true]);
    }
    for (const text of others) {
      Deno.writeTextFileSync(path, text);
      assertEquals([text.slice(0, 20), reader.holds(path, entry, 2 ** 21)], [text.slice(0, 20), false]);
    }
    // What lies behind the bound is not looked at.
    Deno.writeTextFileSync(path, `${filler(3 * piece)}MARK=one\0`);
    assertEquals([reader.holds(path, entry, piece), reader.holds(path, entry, 4 * piece)], [false, true]);
    assertEquals(reader.holds(`${path}.gone`, entry, piece), false);
  }
  await Deno.remove(path);
});

Deno.test("the list of a Mac is read, with names that hold spaces, and lines that do not fit are left out", () => {
  const text = [
    "    1     0     1 Ss    20544   4:05.93 Fri Nov 20 08:00:01 2026     /sbin/launchd",
    "  501   1   501 S+    1024 1:02:03.50 Thu Jan  1 00:00:59 2026 /Applications/My Show.app/Contents/MacOS/My Show",
    "  777 501   501 U      512   0:00.01 Sun Feb 29 23:59:59 2032 viz",
    "  778 501   501 Z        0   0:00.00 Sun Feb 29 23:59:59 2032 <defunct>",
    "  779 501   501 T        4 2-00:00:01 Mon Mar  2 10:00:00 2026 stopped one",
    "ps: some warning",
    "  780 501   501 R        4 0:00.00 Mon Foo  2 10:00:00 2026 x",
    "",
  ].join("\n");
  const found = parseProcesses(text);
  assertEquals(found.map(({ processId, parentId, state, name }) => [processId, parentId, state, name]), [
    [1, 0, "sleeping", "launchd"],
    [501, 1, "sleeping", "My Show"],
    [777, 501, "uninterruptible", "viz"],
    [778, 501, "zombie", "<defunct>"],
    [779, 501, "stopped", "stopped one"],
  ]);
  assertEquals(found.map(({ startedAt }) => new Date(startedAt * 1000).toISOString()), [
    "2026-11-20T08:00:01.000Z",
    "2026-01-01T00:00:59.000Z",
    "2032-02-29T23:59:59.000Z",
    "2032-02-29T23:59:59.000Z",
    "2026-03-02T10:00:00.000Z",
  ]);
  assertEquals(found.map(({ cpuUs }) => cpuUs), [245_930_000, 3_723_500_000, 10_000, 0, 172_801_000_000]);
  assertEquals(found[0]?.residentBytes, 20_544 * 1024);
  assertEquals([parseCpuTime("x"), parseCpuTime("")], [0, 0]);
});

Deno.test("a mark on a Mac is a word of its own", () => {
  const text = [
    "  10 /bin/sleep 60 USER=x HANA_INSTANCE=ab12 LANG=C",
    "  11 /bin/sleep 60 HANA_INSTANCE=ab12",
    "  12 /bin/sleep 60 HANA_INSTANCE=ab123",
    "  13 /bin/sleep 60 XHANA_INSTANCE=ab12",
    "  14 grep ab12",
    "HANA_INSTANCE=ab12 of no process",
  ].join("\n");
  assertEquals(parseMarked(text, "HANA_INSTANCE", "ab12"), [10, 11]);
});

Deno.test("an entry of a snapshot of Windows is read", () => {
  const view = new DataView(new ArrayBuffer(568));
  view.setUint32(8, 4711, true);
  view.setUint32(32, 12, true);
  [..."viz ü.exe"].forEach((letter, at) => view.setUint16(44 + 2 * at, letter.charCodeAt(0), true));
  assertEquals(entryOf(view), { processId: 4711, parentId: 12, name: "viz ü.exe" });
});

Deno.test("a process does not inherit the children of one that had its number before", () => {
  const facts = (processId: number, parentId: number, startedAt: number): ProcessFacts => ({
    ...{ processId, parentId, startedAt, groupId: 0, state: "running", name: "x" },
    ...{ residentBytes: 0, cpuUs: 0, waitsIn: null },
  });
  const all = [
    facts(1, 0, 1),
    facts(40, 30, 9),
    facts(30, 20, 8),
    facts(20, 1, 5),
    facts(21, 20, 4),
    facts(9, 9, 2),
  ];
  assertEquals(familyOf(all, [1]).map(({ processId }) => processId), [20, 30, 40]);
  assertEquals(familyOf(all, [20, 30]).map(({ processId }) => processId), [40]);
  assertEquals(familyOf(all, [9, 77]), []);
});
