// `hana events`: what happened to programs, in words for a crew or whole for scripts.

import type { Command } from "@commander-js/extra-typings";
import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import {
  Alerts,
  FOLLOW_EVENTS,
  MAX_LISTED_RECORDS,
  PROGRAM_EVENT,
  PROGRAM_EVENTS,
  type ProgramEventEntry,
  sentencesOf,
  tell,
} from "../../lib/supervision/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT, parseDuration, whileRead } from "../output/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { EventPaper, type ListedEvent } from "../programs/event_paper.ts";
import { ofHost } from "../programs/errors.ts";
import { type Host, Hosts, isWithoutPrograms } from "../programs/hosts.ts";
import { parseAddress, type ProgramAddress } from "../programs/names.ts";
import { wholeOf } from "../programs/spec_flags.ts";

interface EventsOptions {
  readonly follow?: true;
  readonly on?: string;
  readonly since?: string;
  readonly lines?: string;
  readonly all?: true;
}

const DEFAULT_EVENTS = 100;
const ANSWER_US = 5_000_000;
/** How late an all-clear may be that waited for proof. */
const TICK_MS = 1_000;

/** Declares `hana events`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "shows what happened to programs: alarms, repeats of them as one (×4), and an all-clear for each",
  );
  setExamples(
    command,
    { call: "hana events -f", why: "of the whole mesh, as it happens" },
    { call: "hana events viz --since 1h --all", why: "every event of one program, not alarms alone" },
    { call: "hana events -f --ndjson", why: "for a pager or a log" },
  );
  command
    .argument("[PROGRAM...]", "only of these: NAME, or NAME@NODE")
    .option("-f, --follow", "go on and show every event that comes")
    .option("--on <NODE>", "a node, all, tag:KEY=VALUE; all unless given")
    .option("--since <DURATION>", "only those of so long ago and newer")
    .option("-n, --lines <N>", `the newest so many of each node; ${DEFAULT_EVENTS} unless a time is given`)
    .option("--all", "every event, on a terminal too; else alarms and what is good to know")
    .action(async (names, options) => await events(cli, names, options as EventsOptions));
  addProgramSettings(command as unknown as Command);
}

async function events(cli: Cli, names: readonly string[], options: EventsOptions): Promise<void> {
  const addresses = names.map((name) => parseAddress(name, "hana events"));
  const sinceMs = options.since === undefined
    ? null
    : Date.now() - parseDuration(options.since, "--since") / 1000;
  const limit = options.lines === undefined
    ? sinceMs === null ? DEFAULT_EVENTS : MAX_LISTED_RECORDS
    : wholeOf(options.lines, "--lines", 0, MAX_LISTED_RECORDS);
  if (options.follow === true && cli.output.mode === "json") {
    throw new HanaError("usage", {
      what: "--follow and --json together",
      why: "--json is one document, --follow goes on for ever",
      hint: "--ndjson instead of --json",
    });
  }
  const hosts = await Hosts.open(cli);
  try {
    const isMeant = meant(addresses, sinceMs);
    const { reached, isPartial } = await reachAll(cli, hosts, options.on, addresses);
    const paper = new EventPaper(cli, {
      everything: options.all === true,
      alerts: new Alerts(),
      tell,
      sentencesOf,
    });
    const asked = { ...(addresses.length === 1 ? { program: addresses[0]?.name ?? "" } : {}), limit };
    if (options.follow === true) await followEvents(cli, hosts, reached, asked, isMeant, paper);
    else await readEvents(reached, asked, isMeant, paper);
    paper.end();
    if (isPartial && cli.exitCode === EXIT.done) cli.exitWith(EXIT.partial);
  } finally {
    await hosts.close();
  }
}

type Filter = (listed: ListedEvent) => boolean;

function meant(addresses: readonly ProgramAddress[], sinceMs: number | null): Filter {
  return ({ entry: { event }, host }) => {
    if (sinceMs !== null && event.atWallMs - host.aheadMs < sinceMs) return false;
    return addresses.length === 0 ||
      addresses.some(({ name, node }) => name === event.program && (node ?? host.name) === host.name);
  };
}

async function reachAll(
  cli: Cli,
  hosts: Hosts,
  on: string | undefined,
  addresses: readonly ProgramAddress[],
): Promise<{ reached: Host[]; isPartial: boolean }> {
  const named = addresses.map(({ node }) => node);
  const text = on ?? (named.length > 0 && named.every((node) => node !== null) ? named.join(",") : null);
  const choice = text === null
    ? { nodes: await hosts.candidates(), isNamed: false }
    : await hosts.choose(text);
  const { listed, silent } = await hosts.listAll(choice.nodes, choice.isNamed);
  const [first] = silent;
  if (listed.length === 0 && first !== undefined && silent.length === 1) throw first.error;
  for (const { name, error } of silent) cli.output.warn(`${name} is left out: ${error.message}`);
  if (listed.length === 0) {
    throw new HanaError("not-found", {
      what: "no node that supervises programs answers",
      why: `${hosts.client.via} shows ${counted(choice.nodes.length, "node")}`,
      hint: "hana serve",
    });
  }
  return { reached: listed.map(({ host }) => host), isPartial: silent.length > 0 };
}

interface Asked {
  readonly program?: string;
  readonly limit: number;
}

async function readEvents(
  reached: readonly Host[],
  asked: Asked,
  isMeant: Filter,
  paper: EventPaper,
): Promise<void> {
  const all = await Promise.all(reached.map(async (host): Promise<ListedEvent[]> => {
    try {
      const { events } = await host.session.request(
        PROGRAM_EVENTS,
        { ...asked, limit: Math.max(1, asked.limit) },
        { timeoutUs: ANSWER_US },
      );
      return (events as ProgramEventEntry[]).map((entry) => ({ host, entry }));
    } catch (thrown) {
      throw ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
    }
  }));
  const listed = all.flat().filter(isMeant).sort(byTime);
  if (listed.length === 0) paper.nothing();
  for (const each of listed) paper.add(each);
  paper.tick();
}

async function followEvents(
  cli: Cli,
  hosts: Hosts,
  reached: readonly Host[],
  asked: Asked,
  isMeant: Filter,
  paper: EventPaper,
): Promise<void> {
  const over = Promise.withResolvers<void>();
  let open = reached.length;
  let isLive = false;
  const waiting: ListedEvent[] = [];
  const bySession = new Map<object, Host>(reached.map((host) => [host.session, host]));
  cli.signals.handle((signal) => {
    cli.exitWith(signal === "SIGINT" ? EXIT.interrupted : EXIT.terminated);
    over.resolve();
  });
  const show = (listed: ListedEvent): void => {
    if (isMeant(listed)) whileRead(() => paper.add(listed), over.resolve);
  };
  hosts.client.node.onEvent(PROGRAM_EVENT, ({ entry, missed }, { session }) => {
    const host = bySession.get(session);
    if (host === undefined) return;
    const listed = { host, entry: entry as ProgramEventEntry };
    if (missed > 0) whileRead(() => paper.missed(host, missed), over.resolve);
    if (isLive) show(listed);
    else if (waiting.length < MAX_LISTED_RECORDS) waiting.push(listed);
  });
  const first = await Promise.all(reached.map(async (host): Promise<ListedEvent[]> => {
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
      const { events } = await host.session.request(FOLLOW_EVENTS, asked, { timeoutUs: ANSWER_US });
      return (events as ProgramEventEntry[]).map((entry) => ({ host, entry }));
    } catch (thrown) {
      const error = ofHost(toHanaError(thrown, "unreachable", `${host.name} does not answer`), host.name);
      if (isWithoutPrograms(error)) return [];
      throw error;
    }
  }));
  for (const each of first.flat().sort(byTime)) show(each);
  isLive = true;
  for (const each of waiting) show(each);
  const ticks = setInterval(() => whileRead(() => paper.tick(), over.resolve), TICK_MS);
  const { timeout } = cli.settings;
  const timer = timeout === null ? undefined : setTimeout(() => over.resolve(), timeout / 1000);
  await over.promise;
  clearTimeout(timer);
  clearInterval(ticks);
}

function byTime(a: ListedEvent, b: ListedEvent): number {
  return (a.entry.event.atWallMs - a.host.aheadMs) - (b.entry.event.atWallMs - b.host.aheadMs) ||
    a.entry.id - b.entry.id;
}
