// `hana state why PATH`: why a path has its value, as a sentence, then every claim on it.
// Decides what a person reads first. The reasons are the host's (lib/state/merge).

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import type { ReplyOf } from "../../lib/session/mod.ts";
import type { STATE_WHY, StateValue } from "../../lib/state/mod.ts";
import { type Cli, setExamples } from "../frame/mod.ts";
import { briefDuration, type JsonObject, printable, type Rendering } from "../output/mod.ts";
import { offerPaths } from "./completing.ts";
import type { ValueRow } from "./desk.ts";
import { addStateSettings } from "./flags.ts";
import { type Modulated, modulationOf } from "./modulated.ts";
import { openDesk } from "./opening.ts";
import { valueJson, valueText } from "./rendering.ts";
import { selectOne } from "./selecting.ts";

type Why = ReplyOf<typeof STATE_WHY>;
type Claim = Why["claims"][number];

/** Declares `hana state why`. */
export function defineWhy(command: Command, cli: Cli): void {
  command.summary("why a path has its value").description(
    "says why a path has the value that it has, and shows every claim on it: who, with which priority, and why it stands or does not; -q prints the reason as a word",
  );
  setExamples(
    command,
    { call: "hana state why stage-left/hue", why: "who wins, and over whom" },
    { call: "hana state why stage-left/hue --json", why: "for scripts" },
  );
  const called = command.argument("<PATH>", "a parameter");
  offerPaths(called);
  called.action(async (path) => await why(cli, path));
  addStateSettings(command);
}

async function why(cli: Cli, path: string): Promise<void> {
  const open = await openDesk(cli);
  try {
    const row = selectOne(open.desk, path, (right) => `hana state why ${right}`);
    let reply: Why;
    try {
      reply = await open.desk.client.why(path);
    } catch (thrown) {
      if (!(thrown instanceof HanaError) || thrown.code !== "not-found") throw thrown;
      throw new HanaError("not-found", { what: `there is no path ${path} any more`, hint: "hana state get" });
    }
    const modulated = await modulationOf(open.mesh, row.definition);
    await showWhy(cli, row, reply, modulated);
  } finally {
    await open.close();
  }
}

async function showWhy(cli: Cli, row: ValueRow, reply: Why, modulated: Modulated | null): Promise<void> {
  const owner = row.owner?.name ?? null;
  const { output } = cli;
  const text = valueText(row.definition, reply.value as StateValue);
  const sentence = `${reply.path} is ${text}: ${reply.text}`;
  if (output.mode === "json" || output.mode === "ndjson") {
    output.record({
      what: "state.why",
      fields: [],
      quiet: [],
      json: {
        path: reply.path,
        value: valueJson(row.definition, reply.value as StateValue),
        text,
        unit: reply.unit,
        holder: reply.holder,
        priority: reply.holder === null ? null : reply.priority,
        reason: reply.reason,
        sentence,
        merge: reply.merge,
        onLoss: reply.onLoss,
        owner,
        modulation: modulated as unknown as JsonObject | null,
        claims: reply.claims.map((claim) => claimJson(row, claim)),
      },
    });
    return;
  }
  if (output.mode === "quiet") return output.raw(`${printable(reply.reason)}\n`);
  const drawn = modulated === null ? null : `drawn as ${modulated.text}`;
  if (output.mode === "plain") {
    output.raw(`${printable(drawn === null ? sentence : `${sentence}; ${drawn}`)}\n`);
  } else {
    output.raw(`${output.palette.paint("strong", printable(sentence))}\n`);
    if (drawn !== null) output.raw(`${printable(drawn)}\n`);
    output.raw(`${printable(rules(reply, owner))}\n`);
  }
  // What somebody gave up says nothing about now.
  const claims = reply.claims.filter(({ fate }) => fate !== "released");
  if (claims.length === 0) return;
  if (output.mode === "table") output.raw("\n");
  await output.rows(claimsRendering(row), claims);
}

function rules({ merge, onLoss }: Why, owner: string | null): string {
  const parts = [MERGE[merge] ?? merge, LOSS[onLoss] ?? onLoss];
  if (owner !== null) parts.push(`${owner} owns it: nobody else may write`);
  return `${parts.join("; ")}.`;
}

const MERGE: Readonly<Record<string, string>> = {
  latest: "the highest priority wins, of equals the newest",
  highest: "the highest priority wins, of equals the highest value",
  sum: "the values of the highest priority add up",
  lock: "of the highest priority whoever has the lock",
};
const LOSS: Readonly<Record<string, string>> = {
  hold: "when nobody controls it, its last value stands",
  default: "when nobody controls it, it has its default",
  fallback: "when its holder is lost, the next claim counts",
};

function claimsRendering(row: ValueRow): Rendering<Claim> {
  return {
    what: "state.why",
    row: "claim",
    id: ({ name }) => name,
    columns: [
      { header: "CLIENT", cell: ({ name }) => name },
      { header: "VALUE", cell: ({ value }) => valueText(row.definition, value as StateValue), shrinks: true },
      { header: "PRIORITY", cell: ({ priority }) => priority, align: "right" },
      {
        header: "STANDING",
        cell: ({ fate, text }) => ({ text, tone: fate === "stands" || fate === "part" ? "good" : "none" }),
        plain: ({ text }) => text,
        shrinks: true,
      },
      {
        header: "LEASE",
        cell: ({ leaseLeftMs }) => leaseLeftMs === null ? null : briefDuration(leaseLeftMs * 1_000),
        plain: ({ leaseLeftMs }) => leaseLeftMs,
        align: "right",
        needed: (claims) => claims.some(({ leaseLeftMs }) => leaseLeftMs !== null),
      },
    ],
    json: (claim) => claimJson(row, claim),
    document: (claims) => ({ claims: claims.map((claim) => claimJson(row, claim)) }),
  };
}

function claimJson(row: ValueRow, claim: Claim): JsonObject {
  const { client, name, value, priority, standing, fate, text, leaseLeftMs } = claim;
  return {
    client,
    name,
    value: valueJson(row.definition, value as StateValue),
    valueText: valueText(row.definition, value as StateValue),
    priority,
    standing,
    fate,
    text,
    leaseLeftMs,
  };
}
