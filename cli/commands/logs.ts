// `hana logs NAME[@NODE]…`: lines that programs wrote, once or as they come.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import {
  FOLLOW_LOGS,
  type LogQuery,
  type LogRecord,
  MAX_LISTED_RECORDS,
  PROGRAM_LOG,
  PROGRAM_LOGS,
} from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT, type JsonObject, parseDuration, printable, whileRead } from "../output/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { isoTime, preciseClock } from "../programs/clock.ts";
import { ofHost } from "../programs/errors.ts";
import { type Found, Hosts } from "../programs/hosts.ts";
import { type LogSource, LogText } from "../programs/log_text.ts";
import { wholeOf } from "../programs/spec_flags.ts";
import { findTargets } from "../programs/targets.ts";
import { exitOf } from "../programs/outcomes.ts";

interface LogsOptions {
  readonly follow?: true;
  readonly since?: string;
  readonly run?: string;
  readonly lines?: string;
  readonly stderr?: true;
  readonly stdout?: true;
  readonly time?: true;
}

/** Lines that are shown where nothing says how many. */
const DEFAULT_LINES = 100;
const ANSWER_US = 5_000_000;

/** Declares `hana logs`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "shows what programs wrote; several are read together, each line with its program's name",
  );
  setExamples(
    command,
    { call: "hana logs viz -f", why: "the newest lines, and every one that comes" },
    { call: "hana logs viz@stage-left --run -1 --stderr", why: "errors of the run before this one" },
    { call: "hana logs viz slate --since 5m --time", why: "two programs, by the clock" },
  );
  command
    .argument("<PROGRAM...>", "NAME, or NAME@NODE")
    .option("-f, --follow", "go on and show every line that comes")
    .option("--since <DURATION>", "only lines of so long ago and newer")
    .option("--run <N>", "only this run; -1 is the one before the present one")
    .option("-n, --lines <N>", `the newest so many; ${DEFAULT_LINES} unless a run or a time is given`)
    .option("--stderr", "only what it wrote to standard error")
    .option("--stdout", "only what it wrote to standard output")
    .option("-t, --time", "begin each line with the time of day")
    .action(async (names, options) => await logs(cli, names, options as LogsOptions));
  addProgramSettings(command as unknown as Command);
}

async function logs(cli: Cli, names: readonly string[], options: LogsOptions): Promise<void> {
  const query = queryOf(options);
  if (options.follow === true && cli.output.mode === "json") {
    throw new HanaError("usage", {
      what: "--follow and --json together",
      why: "--json is one document, --follow goes on for ever",
      hint: "--ndjson instead of --json",
    });
  }
  const hosts = await Hosts.open(cli);
  try {
    const { found, lost } = await findTargets(hosts, names, "hana logs");
    for (const { error } of lost) if (error !== null) cli.output.error(error);
    const paper = new LogPaper(cli, found.map(sourceOf), options.time === true);
    if (options.follow === true) await followLogs(cli, hosts, found, query, paper);
    else await readLogs(found, query, paper);
    paper.end();
    if (lost.length > 0 && cli.exitCode === EXIT.done) {
      cli.exitWith(found.length > 0 ? EXIT.partial : exitOf(lost));
    }
  } finally {
    await hosts.close();
  }
}

type Query = (found: Found) => LogQuery;

function queryOf(options: LogsOptions): Query {
  if (options.stderr === true && options.stdout === true) {
    throw new HanaError("usage", {
      what: "--stderr and --stdout together",
      why: "each leaves out the other; both come without them",
      hint: "without --stdout",
    });
  }
  const sinceUs = options.since === undefined ? null : parseDuration(options.since, "--since");
  const run = options.run === undefined ? null : wholeOf(options.run, "--run", -1_000_000, 2 ** 31);
  const tail = options.lines === undefined
    ? (sinceUs === null && run === null ? DEFAULT_LINES : null)
    : wholeOf(options.lines, "--lines", 0, MAX_LISTED_RECORDS);
  const stream = options.stderr === true ? "stderr" : options.stdout === true ? "stdout" : null;
  return ({ host }) => ({
    ...(sinceUs === null ? {} : { sinceWallMs: Math.round(Date.now() + host.aheadMs - sinceUs / 1000) }),
    ...(run === null ? {} : { run }),
    ...(tail === null ? {} : { tail }),
    ...(stream === null ? {} : { stream }),
  });
}

function sourceOf({ host, program }: Found): LogSource {
  return { name: program.name, node: host.name };
}

async function readLogs(found: readonly Found[], query: Query, paper: LogPaper): Promise<void> {
  const all = await Promise.all(found.map(async (each) => {
    const { host, program: { name } } = each;
    try {
      const { records } = await host.session.request(PROGRAM_LOGS, { name, query: query(each) }, {
        timeoutUs: ANSWER_US,
      });
      return (records as LogRecord[]).map((record) => ({ source: sourceOf(each), record, host }));
    } catch (thrown) {
      throw ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
    }
  }));
  // By one clock, as far as those of the machines can be compared; lines of one program keep their order.
  const lines = all.length === 1
    ? all[0] ?? []
    : all.flat().sort((a, b) =>
      (a.record.atWallMs - a.host.aheadMs) - (b.record.atWallMs - b.host.aheadMs) ||
      a.record.seq - b.record.seq
    );
  if (lines.length === 0) paper.nothing();
  for (const { source, record } of lines) paper.records(source, [record]);
}

async function followLogs(
  cli: Cli,
  hosts: Hosts,
  found: readonly Found[],
  query: Query,
  paper: LogPaper,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  const follows = new Map<string, LogSource>();
  /** Lines that came before the answer which says whose they are. */
  const early = new Map<string, { records: LogRecord[]; missed: number }>();
  let open = found.length;
  cli.signals.handle((signal) => {
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    over.resolve();
  });
  const show = (source: LogSource, records: readonly LogRecord[], missed: number): void =>
    whileRead(() => {
      if (missed > 0) paper.missed(source, missed);
      paper.records(source, records);
    }, over.resolve);
  const keys = new Map<object, string>(found.map(({ host }) => [host.session, host.id]));
  hosts.client.node.onEvent(PROGRAM_LOG, ({ follow, records, missed }, { session }) => {
    const key = `${keys.get(session) ?? ""} ${follow}`;
    const source = follows.get(key);
    if (source !== undefined) return show(source, records as LogRecord[], missed);
    const waiting = early.get(key) ?? { records: [], missed: 0 };
    waiting.records.push(...records as LogRecord[]);
    waiting.missed += missed;
    // A node that sends what nobody asked for fills no memory here.
    if (early.size < 64 && waiting.records.length <= MAX_LISTED_RECORDS) early.set(key, waiting);
  });
  for (const each of found) {
    const { host, program: { name } } = each;
    void host.session.ended.then((end) => {
      if (end.kind === "local") return;
      open--;
      cli.output.error(ofHost(
        end.error ??
          new HanaError("closed", { what: `the connection with ${host.name} ended`, why: end.reason }),
        host.name,
      ));
      cli.exitWith(open > 0 ? EXIT.partial : EXIT.negative);
      if (open <= 0) over.resolve();
    });
    try {
      const { follow, records } = await host.session.request(FOLLOW_LOGS, { name, query: query(each) }, {
        timeoutUs: ANSWER_US,
      });
      show(sourceOf(each), records as LogRecord[], 0);
      const key = `${host.id} ${follow}`;
      follows.set(key, sourceOf(each));
      const waiting = early.get(key);
      early.delete(key);
      if (waiting !== undefined) show(sourceOf(each), waiting.records, waiting.missed);
    } catch (thrown) {
      throw ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
    }
  }
  const { timeout } = cli.settings;
  const timer = timeout === null ? undefined : setTimeout(() => over.resolve(), timeout / 1000);
  await over.promise;
  clearTimeout(timer);
}

/** Where lines are written, in the mode of the call. */
class LogPaper {
  readonly #cli: Cli;
  readonly #text: LogText;
  readonly #lines: JsonObject[] = [];

  constructor(cli: Cli, sources: readonly LogSource[], withTime: boolean) {
    this.#cli = cli;
    this.#text = new LogText({
      palette: cli.output.palette,
      prefixed: sources.length > 1 && cli.output.mode !== "quiet",
      clock: withTime ? preciseClock : null,
    }, sources);
  }

  /** Tab-separated where `--plain` was asked for; a pipe without a flag gets the lines as they are. */
  get #isTable(): boolean {
    return this.#cli.output.mode === "plain" && this.#cli.output.modeWasAsked;
  }

  records(source: LogSource, records: readonly LogRecord[]): void {
    const { output } = this.#cli;
    if (output.mode === "json") this.#lines.push(...records.map((record) => lineJson(source, record)));
    else if (output.mode === "ndjson") {
      for (const record of records) output.event("logs.line", lineJson(source, record));
    } else if (this.#isTable) {
      for (const record of records) {
        const { run, stream, atWallMs, text } = record;
        output.raw(
          [source.name, source.node, String(run), stream, isoTime(atWallMs), text].map(printable).join("\t") +
            "\n",
        );
      }
    } else {
      const text = this.#text.records(source, records);
      if (text !== "") output.raw(text);
    }
  }

  missed(source: LogSource, missed: number): void {
    const { output } = this.#cli;
    if (output.mode === "ndjson") output.event("logs.missed", { ...source, missed });
    else if (output.mode === "json" || this.#isTable || output.mode === "quiet") {
      output.warn(`${counted(missed, "line")} of ${source.name}@${source.node} missed`);
    } else output.raw(this.#text.remark(source, `${counted(missed, "line")} missed`));
  }

  nothing(): void {
    this.#cli.output.message("no lines");
  }

  end(): void {
    const { output } = this.#cli;
    if (output.mode === "json") {
      const lines = this.#lines;
      output.record({
        what: "logs",
        fields: [],
        quiet: [],
        json: { lines, summary: { total: lines.length } },
      });
      return;
    }
    const rest = this.#text.end();
    if (rest !== "") whileRead(() => output.raw(rest), () => {});
  }
}

function lineJson({ name, node }: LogSource, record: LogRecord): JsonObject {
  return { name, node, ...record, time: isoTime(record.atWallMs) } as JsonObject;
}
