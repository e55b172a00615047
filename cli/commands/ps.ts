// `hana ps`: the programs of this machine, of some nodes, or of the whole mesh; once or for as long as somebody watches.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import type { NodeView } from "../../lib/node/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { counted, EXIT } from "../output/mod.ts";
import { addProgramSettings } from "../programs/flags.ts";
import { Hosts, type Listing } from "../programs/hosts.ts";
import { parseAddress, type ProgramAddress } from "../programs/names.ts";
import { type ListedProgram, psRendering, type Unreachable } from "../programs/ps_rendering.ts";
import { watchPrograms } from "../programs/ps_watch.ts";
import { laggingHosts } from "../programs/show/status.ts";

interface PsOptions {
  readonly on?: string;
  readonly watch?: true;
}

/** Declares `hana ps`. */
export function define(command: Command, cli: Cli): void {
  command.description(
    "lists programs; exit code 1 when there are none, 3 when a node that was asked does not answer",
  );
  setExamples(
    command,
    { call: "hana ps", why: "of this machine; of all nodes where none runs here" },
    { call: "hana ps --on all --watch", why: "of the whole mesh, and every change" },
    { call: "hana ps viz --on tag:wall --json", why: "for scripts" },
  );
  command
    .argument("[PROGRAM...]", "only these: NAME, or NAME@NODE")
    .option("--on <NODE>", "a node, all, tag:KEY=VALUE, a condition; several with commas")
    .option("--watch", "go on and show every change")
    .action(async (names, options) => await ps(cli, names, options as PsOptions));
  addProgramSettings(command as unknown as Command);
}

async function ps(cli: Cli, names: readonly string[], options: PsOptions): Promise<void> {
  const addresses = names.map((name) => parseAddress(name, "hana ps"));
  const isMeant = ({ node, program }: ListedProgram): boolean =>
    addresses.length === 0 ||
    addresses.some((address) => address.name === program.name && (address.node ?? node) === node);
  const hosts = await Hosts.open(cli, options.watch === true);
  try {
    const scope = await scopeOf(hosts, options.on, addresses);
    if (options.watch === true) return await watchPrograms(cli, hosts, scope, isMeant);
    const listing = await hosts.listAll(scope.nodes, scope.isNamed);
    await show(cli, hosts, listing, isMeant, addresses);
  } finally {
    await hosts.close();
  }
}

/** Which nodes are asked. */
export interface PsScope {
  readonly nodes: readonly NodeView[];
  /** Whether each was named; else those without programs are passed over. */
  readonly isNamed: boolean;
  /** Whether nodes that come later belong to it, too. */
  readonly isWhoEver: boolean;
}

async function scopeOf(
  hosts: Hosts,
  on: string | undefined,
  addresses: readonly ProgramAddress[],
): Promise<PsScope> {
  if (on !== undefined) {
    return { ...await hosts.choose(on), isWhoEver: on === "all" || on === "*" };
  }
  const nodes = await hosts.candidates();
  const named = addresses.filter(({ node }) => node !== null);
  if (named.length > 0 && named.length === addresses.length) {
    const chosen = await hosts.choose(named.map(({ node }) => node).join(","));
    return { ...chosen, isWhoEver: false };
  }
  const here = hosts.client.local?.peer.id;
  // A name alone may be anywhere, and without a node here there is only elsewhere.
  if (here === undefined || addresses.length > 0) return { nodes, isNamed: false, isWhoEver: true };
  return { nodes: nodes.filter(({ id }) => id === here), isNamed: true, isWhoEver: false };
}

async function show(
  cli: Cli,
  hosts: Hosts,
  { listed, silent }: Listing,
  isMeant: (row: ListedProgram) => boolean,
  addresses: readonly ProgramAddress[],
): Promise<void> {
  const rows = listed.flatMap(({ host, programs }): ListedProgram[] =>
    programs.map((program) => ({
      node: host.name,
      nodeId: host.id,
      program,
      reachable: true,
      aheadMs: host.aheadMs,
    }))
  ).filter(isMeant);
  const unreachable = silent.map(({ name, error }): Unreachable => ({ name, why: error.message }));
  const rendering = psRendering(() => unreachable);
  rows.sort(rendering.order);
  await cli.output.rows(rendering, rows);
  const refused = silent.length > 0 && listed.length === 0 ? silent[0]?.error : undefined;
  if (refused !== undefined && silent.length === 1) throw refused;
  for (const { name, why } of unreachable) cli.output.warn(`${name} is not in the list: ${why}`);
  for (const sentence of await laggingHosts(hosts, listed)) cli.output.warn(sentence);
  const missing = addresses.filter(({ name, node }) =>
    !rows.some((row) => row.program.name === name && (node ?? row.node) === row.node)
  );
  for (const { name, node } of missing) {
    cli.output.error(
      new HanaError("not-found", {
        what: `no program ${name}${node === null ? "" : `@${node}`} is known`,
        why: listed.length === 0
          ? "no node that supervises programs answers"
          : `${counted(listed.length, "node")} ${listed.length === 1 ? "was" : "were"} asked`,
        hint: listed.length === 0 ? "hana serve" : "hana ps --on all",
      }),
    );
  }
  if (unreachable.length > 0) cli.exitWith(EXIT.partial);
  else if (missing.length > 0) cli.exitWith(rows.length === 0 ? EXIT.negative : EXIT.partial);
  else if (rows.length === 0) {
    cli.output.message(nothing(hosts, listed.length));
    cli.exitWith(EXIT.negative);
  }
}

function nothing(hosts: Hosts, asked: number): string {
  if (asked > 0) return "no programs; try: hana spawn -- ./viz";
  return hosts.client.local === null
    ? "no node that supervises programs answered; try: hana serve   on this or another machine"
    : "the node here supervises no programs; try: hana serve --programs on";
}
