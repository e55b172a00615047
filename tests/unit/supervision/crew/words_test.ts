// Signals, exit codes, spans of time and amounts of memory in words.

import { assertEquals } from "@std/assert";
import {
  briefExit,
  bytesWords,
  codeWords,
  inSentence,
  signalWords,
  spanWords,
  startWords,
  utcClock,
} from "../../../../lib/supervision/crew/mod.ts";
import { CLASSES, exit } from "./support.ts";

Deno.test("signals read as what happened to the program", () => {
  assertEquals(signalWords("SIGSEGV"), "memory access error");
  assertEquals(signalWords("SIGKILL"), "ended by force from outside");
  assertEquals(signalWords("SIGRTMIN+3"), "signal SIGRTMIN+3");
  assertEquals(signalWords(null), "no reason is known");
});

Deno.test("exit codes that have a meaning say it", () => {
  assertEquals([codeWords(3), codeWords(78), codeWords(null)], [
    "error 3",
    "error 78: its set-up is wrong",
    "an error",
  ]);
});

Deno.test("spans of time are as long as a person cares", () => {
  const cases: readonly [number, string][] = [
    [-5, "0 ms"],
    [12_400, "12 ms"],
    [1_900_000, "1.9 s"],
    [9_949_999, "9.9 s"],
    [40_000_000, "40 s"],
    [99_600_000, "2 min"],
    [3_600_000_000, "60 min"],
    [7_500_000_000, "2 h 5 min"],
    [7_200_000_000, "2 h"],
    [259_200_000_000, "3 days"],
  ];
  for (const [us, words] of cases) assertEquals(spanWords(us), words);
});

Deno.test("amounts of memory are in the units of the limit that is set", () => {
  const cases: readonly [number, string][] = [
    [0, "0 KiB"],
    [1, "1 KiB"],
    [5 * 2 ** 20, "5.0 MiB"],
    [512 * 2 ** 20, "512 MiB"],
    [6 * 2 ** 30, "6.0 GiB"],
  ];
  for (const [bytes, words] of cases) assertEquals(bytesWords(bytes), words);
});

Deno.test("each ending has a short word for a column, at most ten letters", () => {
  for (const each of CLASSES) {
    const brief = briefExit(exit({ class: each, code: 255, signal: null }));
    assertEquals([brief.length > 0, brief.length <= 10], [true, true], brief);
  }
  assertEquals(briefExit(exit()), "SIGSEGV");
  assertEquals(briefExit(exit({ class: "failure", code: 3, signal: null })), "exit 3");
  assertEquals(briefExit(exit({ class: "success", code: 0, signal: null })), "ok");
});

Deno.test("why something could not start is said without the system's words", () => {
  const cases: readonly (readonly [string | null, string | null])[] = [
    ["cannot start ./viz: there is no such program", "file ./viz is missing"],
    ["./viz: there is no such program", "file ./viz is missing"],
    ["cannot start ./viz: No such file or directory (os error 2)", "file ./viz is missing"],
    ["cannot start ./viz: Permission denied (os error 13)", "file ./viz may not be run"],
    ["cannot start ./viz: Exec format error (os error 8)", "file ./viz is no program for this machine"],
    ["cannot start ./viz: its checksum is another one", "./viz: its checksum is another one"],
    [null, null],
  ];
  for (const [why, words] of cases) assertEquals(startWords(why), words);
});

Deno.test("the clock counts in UTC where nobody brought another one, before 1970 as well", () => {
  assertEquals(utcClock(Date.UTC(2026, 5, 12, 20, 14, 7, 999)), "20:14:07 UTC");
  assertEquals(utcClock(-1), "23:59:59 UTC");
});

Deno.test("a text of somebody else's loses its line ends and its full stop", () => {
  assertEquals(inSentence(" file\n ./x is\tmissing. "), "file ./x is missing");
  assertEquals([inSentence("..."), inSentence(null), inSentence("abcdef", 4)], [null, null, "abc…"]);
});
