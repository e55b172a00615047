// What people type and read about programs: flags, names, lines of logs, rows.

import { assert, assertEquals, assertMatch, assertNotMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HanaError } from "../../../../lib/base/mod.ts";
import type { LogRecord } from "../../../../lib/supervision/mod.ts";
import { Palette } from "../../../../cli/output/mod.ts";
import { commandLine } from "../../../../cli/commands/spawn.ts";
import { LogText, logWords } from "../../../../cli/programs/log_text.ts";
import { parseAddress } from "../../../../cli/programs/names.ts";
import { checkOp, newOp } from "../../../../cli/programs/op.ts";
import { exitOf, type Outcome, type OutcomeKind } from "../../../../cli/programs/outcomes.ts";
import { isSameForWatcher, type ListedProgram, psRendering } from "../../../../cli/programs/ps_rendering.ts";
import { argvOf, parseSize, specOf } from "../../../../cli/programs/spec_flags.ts";
import { seededRandom } from "../../security/support.ts";
import { CLASSES, exit, NOW, program, STATES } from "../../supervision/crew/support.ts";

Deno.test("sizes are read with their unit, and a wrong one is put right in the hint", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["512MiB", 512 * 2 ** 20],
    ["6GiB", 6 * 2 ** 30],
    ["6 gib", 6 * 2 ** 30],
    ["1.5g", 1.5 * 2 ** 30],
    ["2GB", 2e9],
    ["64k", 65_536],
  ];
  for (const [text, bytes] of sizes) assertEquals(parseSize(text, "--memory-max"), bytes);
  const hint = (text: string) => assertThrows(() => parseSize(text, "--memory-max"), HanaError).hint;
  assertEquals(hint("6 gigs"), "--memory-max 6GiB");
  assertEquals(hint("6"), "--memory-max 6GiB");
  assertEquals(hint("300 megs"), "--memory-max 300MiB");
  assertEquals(hint("lots"), "--memory-max 6GiB");
});

Deno.test("a safe look is words with spaces or a JSON list, and never a shell's line", () => {
  assertEquals(argvOf("slate --black", "--fallback"), ["slate", "--black"]);
  assertEquals(argvOf('["slate", "two words"]', "--fallback"), ["slate", "two words"]);
  for (const wrong of ["", "[1]", "[]", "slate | tee", "slate 'a b'", "a;b", "$HOME/slate", "a && b"]) {
    assertEquals(assertThrows(() => argvOf(wrong, "--fallback"), HanaError).code, "usage", wrong);
  }
});

Deno.test("flags become as much of a specification as was said", () => {
  assertEquals(specOf(["./viz"], {}), { argv: ["./viz"] });
  assertEquals(
    specOf(["./viz"], {
      restart: "on-failure",
      env: ["A=1=2", "B="],
      ready: "line:up and running",
      need: ["tracker", "slate=started"],
      bind: true,
      fallback: "slate",
      giveUp: "10/5m",
      nice: "5",
      startTimeout: "1m",
    }),
    {
      argv: ["./viz"],
      restart: "on-failure",
      env: { A: "1=2", B: "" },
      startUs: 60_000_000,
      ready: { kind: "line", text: "up and running" },
      needs: { tracker: "ready", slate: "started" },
      bind: true,
      fallback: { after: 3, argv: ["slate"] },
      giveUp: { after: 10, withinUs: 300_000_000 },
      niceness: 5,
    },
  );
});

Deno.test("the program's words are those behind --, whatever they look like", () => {
  const read = (call: string) => {
    const args = call.split(" ");
    const dashes = args.indexOf("--");
    return commandLine(dashes < 0 ? args.slice(1) : args.slice(dashes + 1), args, ["--name"]);
  };
  assertEquals(read("spawn -- ./viz --name x -- y"), ["./viz", "--name", "x", "--", "y"]);
  assertEquals(read("spawn -- -odd"), ["-odd"]);
  assertEquals(read("spawn ./viz intro"), ["./viz", "intro"]);
  const hint = (words: string[], call: string) =>
    assertThrows(() => commandLine(words, call.split(" "), ["--name"]), HanaError).hint;
  assertEquals(hint(["./viz", "--scene"], "spawn ./viz --scene"), "hana spawn -- ./viz --scene");
  assertEquals(hint([], "spawn --"), "hana spawn -- ./viz");
  assertEquals(hint(["--nam", "x", "--", "./viz"], "spawn --nam x -- ./viz"), "hana spawn --name x -- ./viz");
});

Deno.test("programs are NAME or NAME@NODE, and a node's name may hold anything", () => {
  assertEquals(parseAddress("viz", "hana stop"), { name: "viz", node: null });
  assertEquals(parseAddress("viz@Stage Left@2", "hana stop"), { name: "viz", node: "Stage Left@2" });
  for (const wrong of ["", "@left", "viz@", "Viz", "vi z", "../x", "-v"]) {
    assertEquals(assertThrows(() => parseAddress(wrong, "hana stop"), HanaError).code, "usage", wrong);
  }
});

Deno.test("demands have names of 26 characters that nobody confuses", () => {
  const op = newOp(seededRandom(1));
  assertMatch(op, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  assertEquals(checkOp(op), op);
  assert(newOp(seededRandom(2)) !== op);
  assertThrows(() => checkOp("a b c d e f"), HanaError);
});

Deno.test("one exit code for several programs: all alike, or partial", () => {
  const outcome = (kind: OutcomeKind, code?: "refused" | "unreachable"): Outcome => ({
    name: "viz",
    node: "left",
    outcome: kind,
    words: "",
    program: null,
    error: code === undefined ? null : new HanaError(code, { what: "no" }),
    replayed: false,
    durable: true,
  });
  const cases: readonly (readonly [readonly Outcome[], number])[] = [
    [[outcome("reached"), outcome("accepted")], 0],
    [[outcome("late")], 4],
    [[outcome("failed"), outcome("failed")], 1],
    [[outcome("error", "refused"), outcome("error", "refused")], 7],
    [[outcome("reached"), outcome("late")], 3],
    [[outcome("late"), outcome("failed")], 3],
    [[outcome("error", "unreachable")], 1],
    [[], 1],
  ];
  for (const [outcomes, code] of cases) assertEquals(exitOf(outcomes), code);
});

function record(text: string, change: Partial<LogRecord> = {}): LogRecord {
  return {
    seq: 1,
    run: 1,
    stream: "stdout",
    atWallMs: NOW,
    sinceSpawnUs: 0,
    text,
    partial: false,
    ...change,
  };
}

Deno.test("pieces of a long line come together again, and another program's line ends them first", () => {
  const viz = { name: "viz", node: "left" };
  const slate = { name: "slate", node: "left" };
  const text = new LogText({ palette: new Palette(false), prefixed: true, clock: null }, [viz, slate]);
  assertEquals(text.records(viz, [record("a", { partial: true }), record("b")]), "viz@left   | ab\n");
  assertEquals(text.records(viz, [record("c", { partial: true })]), "viz@left   | c");
  assertEquals(text.records(slate, [record("d")]), "\nslate@left | d\n");
  assertEquals(text.records(viz, [record("e", { partial: true })]) + text.end(), "viz@left   | e\n");
  assertEquals(text.remark(viz, "7 lines missed"), "viz@left   | … 7 lines missed\n");
});

Deno.test("of a line's escape sequences colours alone are left, and those only where colours are wanted", () => {
  const line = "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07\x1b[10;10Hx\ty\x1bP1$q\x1b\\z\r";
  assertEquals(logWords(line, false), "red x\tyz");
  assertEquals(logWords(line, true), "\x1b[31mred\x1b[0m x\tyz\x1b[0m");
  assertEquals(logWords("no colour", true), "no colour");
});

Deno.test("no line of a program's can steer the terminal, whatever it holds", () => {
  const hostile = fc.array(
    fc.constantFrom(
      "\x1b",
      "[",
      "]",
      "0;",
      "31m",
      "2J",
      "H",
      "\x07",
      "\\",
      "\u009b",
      "\r",
      "\n",
      "\uf8ff",
      "x",
      "P",
      "?25l",
      "\u202e",
    ),
    { maxLength: 40 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(hostile, fc.boolean(), (text, colours) => {
      const words = logWords(text, colours);
      // deno-lint-ignore no-control-regex
      const rest = words.replace(/\x1b\[[0-9;:]*m/g, "");
      // deno-lint-ignore no-control-regex
      assertNotMatch(rest, /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e]/);
      if (!colours) assertEquals(words, rest);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("every state after every ending has a row without holes", () => {
  const rendering = psRendering(() => [], () => NOW);
  for (const state of STATES) {
    for (const ending of [null, ...CLASSES]) {
      for (const reachable of [true, false]) {
        const row: ListedProgram = {
          node: "left",
          nodeId: "00",
          reachable,
          aheadMs: 0,
          program: program({
            state,
            lastExit: ending === null ? null : exit({ class: ending }),
            nextTryWallMs: NOW + 3_200,
          }),
        };
        for (const { header, cell, plain } of rendering.columns) {
          for (const value of [cell(row), (plain ?? cell)(row)]) {
            assert(value !== undefined, header);
            assertNotMatch(JSON.stringify(value), /undefined|NaN/);
          }
        }
      }
    }
  }
});

Deno.test("a watcher is told of states, and not of figures that change all the time", () => {
  const row = (change: Parameters<typeof program>[0]): ListedProgram => ({
    node: "left",
    nodeId: "00",
    reachable: true,
    aheadMs: 0,
    program: program(change),
  });
  assert(isSameForWatcher(row({}), row({ fps: 1, frame: 2, residentBytes: 3, cpuShare: 4, eventSeq: 5 })));
  assert(!isSameForWatcher(row({}), row({ health: "stalled" })));
  assert(!isSameForWatcher(row({}), { ...row({}), reachable: false }));
});
