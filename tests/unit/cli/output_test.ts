import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ErrorCode, HanaError } from "../../../lib/base/mod.ts";
import {
  briefDuration,
  chooseMode,
  errorLines,
  EXIT_CODE_ROWS,
  exitCodeOf,
  formatDuration,
  Output,
  type OutputMode,
  Palette,
  parseDuration,
  printable,
  Progress,
  type ProgressTime,
  type Rendering,
  shellWord,
  shouldColour,
  type TextSink,
  Watch,
} from "../../../cli/output/mod.ts";
import { displayWidth, tableLines } from "../../../cli/output/table.ts";

class MemorySink implements TextSink {
  readonly isTerminal: boolean;
  readonly #columns: number;
  text = "";

  constructor(isTerminal = false, columns = 80) {
    this.isTerminal = isTerminal;
    this.#columns = columns;
  }

  columns(): number | null {
    return this.isTerminal ? this.#columns : null;
  }

  rows(): number | null {
    return this.isTerminal ? 24 : null;
  }

  write(text: string): void {
    this.text += text;
  }
}

interface Node {
  readonly name: string;
  readonly rttUs: number | null;
  readonly state: "alive" | "failed";
}

const NODES: Rendering<Node> = {
  what: "nodes",
  row: "node",
  columns: [
    { header: "NAME", cell: (row) => row.name, shrinks: true },
    {
      header: "RTT",
      cell: (row) => row.rttUs === null ? null : briefDuration(row.rttUs),
      plain: (row) => row.rttUs,
      align: "right",
    },
    { header: "STATE", cell: (row) => ({ text: row.state, tone: row.state === "alive" ? "good" : "bad" }) },
  ],
  id: (row) => row.name,
  json: (row) => ({ ...row }),
  document: (rows) => ({ nodes: rows.map((row) => ({ ...row })) }),
  dimmed: (row) => row.state === "failed",
  summary: (rows) => `${rows.length} nodes`,
};

const ROWS: readonly Node[] = [
  { name: "left", rttUs: 1234, state: "alive" },
  { name: "right-wall", rttUs: null, state: "failed" },
];

function outputTo(mode: OutputMode, colour = false): { output: Output; out: MemorySink; err: MemorySink } {
  const streams = { out: new MemorySink(mode === "table"), err: new MemorySink() };
  const options = { streams, mode, modeWasAsked: true, header: true, debug: false };
  return { output: new Output({ ...options, outColour: colour, errColour: false }), ...streams };
}

Deno.test("one description of rows makes all five forms", async () => {
  const forms: Record<string, string> = {};
  for (const mode of ["table", "plain", "quiet"] as const) {
    const { output, out } = outputTo(mode);
    await output.rows(NODES, ROWS);
    forms[mode] = out.text;
  }
  assertEquals(forms, {
    table: "NAME          RTT  STATE\nleft        1.2ms  alive\nright-wall      -  failed\n",
    plain: "NAME\tRTT\tSTATE\nleft\t1234\talive\nright-wall\t-\tfailed\n",
    quiet: "left\nright-wall\n",
  });
  const json = outputTo("json");
  await json.output.rows(NODES, ROWS);
  const { schema, nodes } = JSON.parse(json.out.text);
  assertEquals([schema, nodes], ["hana.nodes/1", ROWS.map((row) => ({ ...row }))]);
  const ndjson = outputTo("ndjson");
  await ndjson.output.rows(NODES, ROWS);
  const lines = ndjson.out.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(
    lines.map((line) => [line.schema, line.name]),
    ROWS.map((row) => ["hana.nodes.node/1", row.name]),
  );
});

Deno.test("messages go to stderr, and -q silences them but not warnings", async () => {
  const table = outputTo("table");
  await table.output.rows(NODES, ROWS);
  assertEquals(table.err.text, "2 nodes\n");
  const quiet = outputTo("quiet");
  quiet.output.message("next");
  quiet.output.warn("careful");
  assertEquals([quiet.out.text, quiet.err.text], ["", "warning: careful\n"]);
});

Deno.test("colours stand around words and never change the layout; failed rows are dimmed", () => {
  const plain = tableLines(NODES, ROWS, new Palette(false), 80);
  const coloured = tableLines(NODES, ROWS, new Palette(true), 80);
  // deno-lint-ignore no-control-regex
  assertEquals(coloured.map((line) => line.replace(/\x1b\[\d*m/g, "")), plain);
  assertStringIncludes(coloured[1] ?? "", "\x1b[32malive\x1b[0m");
  assertStringIncludes(coloured[2] ?? "", "\x1b[2mfailed\x1b[0m");
});

Deno.test("a table never exceeds the terminal as long as a column can shrink", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 });
  fc.assert(
    fc.property(
      fc.array(name, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 30, max: 120 }),
      (names, columns) => {
        const rows = names.map((each): Node => ({ name: each, rttUs: 5, state: "alive" }));
        const lines = tableLines(NODES, rows, new Palette(false), columns);
        assertEquals(lines.length, rows.length + 1);
        if (
          names.every((each) => /^[\x20-\x7e]*$/.test(each))
        ) {
          for (const line of lines) assert(displayWidth(line) <= columns, line);
        }
      },
    ),
  );
});

Deno.test("spare columns give way one after the other before anything is cut", () => {
  const wide: Rendering<Node> = {
    ...NODES,
    columns: [
      ...NODES.columns,
      { header: "VERSION", cell: () => "0.1.0", spare: 2 },
      { header: "OWNER", cell: () => null, spare: 1 },
    ],
  };
  const headingAt = (columns: number): string => tableLines(wide, ROWS, new Palette(false), columns)[0] ?? "";
  assertEquals(headingAt(80).split(/ +/), ["NAME", "RTT", "STATE", "VERSION", "OWNER"]);
  assertEquals(headingAt(36).split(/ +/), ["NAME", "RTT", "STATE", "VERSION"]);
  const narrow = tableLines(wide, ROWS, new Palette(false), 28);
  assertEquals(narrow[0]?.split(/ +/), ["NAME", "RTT", "STATE"]);
  assertStringIncludes(narrow[2] ?? "", "right-wall");
});

/** Whether a character is there that a terminal obeys, but for tabs and line ends of our own. */
function hasControls(text: string): boolean {
  return [...text].some((c) => c !== "\n" && c !== "\t" && /[\p{Cc}\u202e]/u.test(c));
}

Deno.test("text from other machines cannot steer the terminal, in any form", async () => {
  const hostile = "a\x1b]0;owned\x07\n\tb\u202e\x9b31m";
  for (const mode of ["table", "plain", "quiet", "json", "ndjson"] as const) {
    const { output, out, err } = outputTo(mode);
    await output.rows(NODES, [{ name: hostile, rttUs: 1, state: "alive" }]);
    output.message(hostile);
    output.warn(hostile);
    output.error(new HanaError("not-found", { what: hostile, why: hostile, hint: hostile }));
    assert(!hasControls(out.text + err.text), mode);
  }
  assertEquals(printable(hostile), "a\\u{1b}]0;owned\\u{7}\\n\\tb\\u{202e}\\u{9b}31m");
});

Deno.test("an error is what, why and try, and two lines for a bug", () => {
  const lines = errorLines(
    new HanaError("timeout", { what: "ping left", why: "no answer", hint: "hana discover" }),
    new Palette(false),
    false,
  );
  assertEquals(lines, ["error: ping left", "  no answer", "  try: hana discover"]);
  assertEquals(
    errorLines(new HanaError("internal", { what: "x", why: "y" }), new Palette(false), false).length,
    2,
  );
});

Deno.test("every error code has an exit code that help explains", () => {
  const codes: ErrorCode[] = [
    "usage",
    "config",
    "not-found",
    "refused",
    "timeout",
    "network-unusable",
    "internal",
    "authentication",
    "conflict",
    "cancelled",
  ];
  const exits = codes.map((code) => exitCodeOf(new HanaError(code, { what: "x" })));
  assertEquals(exits, [2, 2, 1, 7, 4, 69, 70, 7, 7, 130]);
  const explained: number[] = EXIT_CODE_ROWS.map((row) => row.code);
  assertEquals(explained, [0, 1, 2, 3, 4, 5, 6, 7, 69, 70, 130, 143]);
});

Deno.test("flags choose the form, else the terminal does, and two forms at once are refused", () => {
  assertEquals(chooseMode({}, true), "table");
  assertEquals(chooseMode({}, false), "plain");
  for (const mode of ["json", "ndjson", "plain", "quiet"] as const) {
    assertEquals(chooseMode({ [mode]: true }, true), mode);
  }
  assertEquals(assertThrows(() => chooseMode({ json: true, quiet: true }, true), HanaError).code, "usage");
});

Deno.test("colour goes by flag, then environment, then terminal", () => {
  const cases: ["auto" | "always" | "never", boolean, Record<string, string>, boolean][] = [
    ["auto", true, {}, true],
    ["auto", false, {}, false],
    ["auto", true, { NO_COLOR: "1" }, false],
    ["auto", true, { NO_COLOR: "" }, true],
    ["auto", false, { CLICOLOR_FORCE: "1" }, true],
    ["auto", false, { CLICOLOR_FORCE: "0" }, false],
    ["auto", false, { NO_COLOR: "1", CLICOLOR_FORCE: "1" }, false],
    ["auto", true, { TERM: "dumb" }, false],
    ["auto", true, { CLICOLOR: "0" }, false],
    ["always", false, { NO_COLOR: "1" }, true],
    ["never", true, { CLICOLOR_FORCE: "1" }, false],
  ];
  for (const [choice, terminal, env, expected] of cases) {
    assertEquals(
      shouldColour(choice, terminal, (name) => env[name]),
      expected,
      JSON.stringify([choice, terminal, env]),
    );
  }
});

Deno.test("durations read as people write them", () => {
  const good: Record<string, number> = {
    "250ms": 250_000,
    "2s": 2_000_000,
    "5m": 300_000_000,
    "1h": 3_600_000_000,
    "1m30s": 90_000_000,
    "1.5s": 1_500_000,
    "10us": 10,
    " 2s ": 2_000_000,
    "0": 0,
  };
  for (const [text, us] of Object.entries(good)) assertEquals(parseDuration(text, "--timeout"), us);
  for (const bad of ["", "5", "-5s", "5 s", "s", "1e3s", "5sec", "5S", "Infinity", "9999999d", "0x5s"]) {
    const error = assertThrows(() => parseDuration(bad, "--timeout"), HanaError);
    assertEquals([error.code, error.hint?.startsWith("--timeout ")], ["usage", true], bad);
  }
});

Deno.test("what formatDuration writes, parseDuration reads back exactly", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 366 * 86_400_000_000 }), (us) => {
    assertEquals(parseDuration(formatDuration(us), "x"), us);
  }));
});

Deno.test("a brief duration has five characters at most", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 900 * 86_400_000_000 }), (us) => {
    assert(briefDuration(us).length <= 5, `${us}: ${briefDuration(us)}`);
  }));
});

Deno.test("a shell word survives the shell", async () => {
  const words = ["plain", "two words", "it's", "$(x)", "", "a\\b", '"', "*"];
  const shell = new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${words.map(shellWord).join(" ")}`] });
  assertEquals(new TextDecoder().decode((await shell.output()).stdout).split("\n").slice(0, -1), words);
});

class FakeTime implements ProgressTime {
  now = 0;
  #due: { atMs: number; callback: () => void }[] = [];

  nowMs(): number {
    return this.now;
  }

  after(ms: number, callback: () => void): () => void {
    const entry = { atMs: this.now + ms, callback };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((each) => each !== entry);
    };
  }

  runUntil(ms: number): void {
    for (;;) {
      const [next] = this.#due.filter((each) => each.atMs <= ms).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#due = this.#due.filter((each) => each !== next);
      this.now = next.atMs;
      next.callback();
    }
    this.now = ms;
  }
}

Deno.test("progress in a log speaks after 1, 2, 5, 10, 30 s and then every 30 s", () => {
  const sink = new MemorySink();
  const time = new FakeTime();
  const progress = new Progress(sink, "asking", { time });
  time.runUntil(95_000);
  progress.done();
  time.runUntil(200_000);
  assertEquals(
    sink.text.trimEnd().split("\n"),
    ["1s", "2s", "5s", "10s", "30s", "1m", "2m"].map((t) => `asking … ${t}`),
  );
});

Deno.test("progress on a terminal is one line, silent at first, and wiped at the end", () => {
  const sink = new MemorySink(true);
  const time = new FakeTime();
  const quick = new Progress(sink, "asking", { time });
  time.runUntil(299);
  quick.done();
  assertEquals(sink.text, "");
  const slow = new Progress(sink, "asking", { time });
  time.runUntil(700);
  slow.done();
  assert(sink.text.startsWith("\r\x1b[Kasking … 300ms"));
  assert(sink.text.endsWith("\r\x1b[K") && !sink.text.includes("\n"));
});

Deno.test("a watched table tells rows apart by their key: a name may change, or be there twice", async () => {
  const { output, out } = outputTo("table");
  const watch = await Watch.open(output, { ...NODES, key: (row) => String(row.rttUs) });
  watch.change("add", { name: "left", rttUs: 1, state: "failed" });
  watch.change("add", { name: "left", rttUs: 2, state: "alive" });
  watch.change("add", { name: "right", rttUs: 3, state: "alive" });
  watch.change("remove", { name: "left", rttUs: 1, state: "failed" });
  watch.change("update", { name: "right-2", rttUs: 3, state: "alive" });
  watch.sync();
  watch.close();
  const drawn = out.text.slice(out.text.lastIndexOf("NAME")).split("\n").map((line) => line.split(" ")[0]);
  assertEquals(drawn.slice(0, 3), ["NAME", "left", "right-2"]);
});
