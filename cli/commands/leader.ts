// `hana leader [hand-over|solo|take|drop]`: which app leads, and the orders that change it.
// Decides which node is asked: the one of this machine, else any that answers. The answers are lib/node's.

import type { Command } from "@commander-js/extra-typings";
import { HanaError } from "../../lib/base/mod.ts";
import { APP_ROLE, HAND_OVER, LEADER, type LeaderView, SOLO } from "../../lib/node/mod.ts";
import type { Session } from "../../lib/session/mod.ts";
import { addSettingFlags, type Cli, setExamples } from "../frame/mod.ts";
import { MeshClient } from "../nodes/mesh_client.ts";
import { LOOK_SETTINGS } from "../nodes/options.ts";
import { briefDuration, counted, EXIT, type JsonObject, type RecordRendering } from "../output/mod.ts";

const LOOK_TIMEOUT_US = 1_000_000;
const REQUEST_TIMEOUT_US = 3_000_000;
/** A hand-over takes 300 ms at most; another second for those who must be asked again. */
const SUCCESSOR_TIMEOUT_US = 2_000_000;
const POLL_US = 50_000;

/** Declares `hana leader`. */
export function define(command: Command, cli: Cli): void {
  command.description("which app leads the mesh; exit code 1 when none does");
  setExamples(
    command,
    { call: "hana leader", why: "who leads, in which term, and who votes" },
    { call: "hana leader hand-over backup", why: "before the machine is switched off" },
    { call: "hana leader solo", why: "lead here where the rest of the mesh is out of reach" },
  );
  command.action(async () => await show(cli));
  command.command("hand-over")
    .summary("let another app lead")
    .description("stops the leader in favour of an app, the next in order unless named")
    .argument("[NODE]", "the app that is to lead")
    .action(async (target) => await handOver(cli, target));
  command.command("solo")
    .summary("lead here by your word")
    .description(
      "makes the node of this machine lead although no majority is in reach; when the sides meet again, the higher term " +
        "stays and the other side's writes must be looked through",
    )
    .option("--end", "make it an ordinary leadership again")
    .action(async (options) => await order(cli, (session) => askSolo(session, options.end === true)));
  command.command("take")
    .summary("become an app")
    .description("gives the node of this machine the app role: it may lead from now on")
    .action(async () => await order(cli, (session) => askRole(session, true)));
  command.command("drop")
    .summary("be an app no longer")
    .description("takes the app role from the node of this machine; if it leads, it hands over")
    .action(async () => await order(cli, (session) => askRole(session, false)));
  addSettingFlags(command, LOOK_SETTINGS);
  for (const child of command.commands) addSettingFlags(child as Command, LOOK_SETTINGS);
}

async function show(cli: Cli): Promise<void> {
  const client = await MeshClient.open(cli, { timeoutUs: LOOK_TIMEOUT_US });
  try {
    const view = await viewFrom(await anyNode(client));
    tell(cli, view);
  } finally {
    await client.close();
  }
}

async function handOver(cli: Cli, target: string | undefined): Promise<void> {
  const client = await MeshClient.open(cli, { timeoutUs: LOOK_TIMEOUT_US });
  try {
    const asked = await anyNode(client);
    const before = await viewFrom(asked);
    if (before.leader === null) {
      throw new HanaError("not-found", { what: "no app leads", hint: "hana leader" });
    }
    const to = target === undefined ? undefined : await client.find(target);
    if (to !== undefined && to.role !== "app") {
      throw new HanaError("usage", {
        what: `${to.name} cannot lead`,
        why: `its role is ${to.role}`,
        hint: `hana leader take    (on ${to.name})`,
      });
    }
    if (to?.id === before.leader.id) return tell(cli, before);
    const leader = before.leader.id === asked.peer.id
      ? asked
      : await client.node.open(await client.find(before.leader.id), { timeoutUs: REQUEST_TIMEOUT_US });
    await leader.call(HAND_OVER, to === undefined ? {} : { to: to.id }, { timeoutUs: REQUEST_TIMEOUT_US });
    const { term } = before.leader;
    tell(cli, await waitFor(cli, asked, (view) => view.leader !== null && view.leader.term > term));
  } finally {
    await client.close();
  }
}

/** Gives an order to the node of this machine and shows what came of it. */
async function order(cli: Cli, give: (session: Session) => Promise<unknown>): Promise<void> {
  const client = await MeshClient.openLocal(cli);
  if (client?.local === null || client === null) {
    throw new HanaError("not-found", {
      what: "no node runs on this machine",
      why: "leading is a matter of nodes that stay",
      hint: "hana serve --role app",
    });
  }
  try {
    await give(client.local);
    // Who has just dropped the role has a successor a moment later, if there is another app.
    tell(cli, await waitFor(cli, client.local, (view) => view.leader !== null), false);
  } finally {
    await client.close();
  }
}

async function askSolo(session: Session, end: boolean): Promise<void> {
  await session.call(SOLO, { end }, { timeoutUs: REQUEST_TIMEOUT_US });
}

async function askRole(session: Session, take: boolean): Promise<void> {
  await session.call(APP_ROLE, { take }, { timeoutUs: REQUEST_TIMEOUT_US });
}

/** The node of this machine, or the first that answers. */
async function anyNode(client: MeshClient): Promise<Session> {
  if (client.local !== null) return client.local;
  let failure: HanaError | null = null;
  for (const node of (await client.nodes()).filter(({ state }) => state === "alive").slice(0, 4)) {
    try {
      return await client.node.open(node, { timeoutUs: REQUEST_TIMEOUT_US });
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      failure = thrown;
    }
  }
  throw failure ?? new HanaError("not-found", { what: "no node answers", hint: "hana discover" });
}

async function viewFrom(session: Session): Promise<LeaderView> {
  return (await session.request(LEADER, {}, { timeoutUs: REQUEST_TIMEOUT_US })).leader as LeaderView;
}

async function waitFor(
  cli: Cli,
  session: Session,
  isThere: (view: LeaderView) => boolean,
): Promise<LeaderView> {
  const { clock, timers } = await cli.platform();
  const untilUs = clock.nowUs() + SUCCESSOR_TIMEOUT_US;
  for (;;) {
    const view = await viewFrom(session);
    if (isThere(view) || clock.nowUs() >= untilUs) return view;
    await new Promise<void>((resolve) => timers.schedule(clock.nowUs() + POLL_US, () => resolve()));
  }
}

function tell(cli: Cli, view: LeaderView, isQuestion = true): void {
  cli.output.record(leaderRecord(view));
  if (view.leader !== null || !isQuestion) return;
  const present = view.voters.filter((voter) => voter.present).length;
  if (view.voters.length > 2 && present <= view.voters.length / 2) {
    cli.output.message(`${present} of ${view.voters.length} voters are in reach: too few to elect a leader`);
    cli.output.message("try: hana leader solo (on the app that is to lead here)");
  } else if (view.voters.length === 0) {
    cli.output.message("no app has ever led here: hana serve --role app");
  }
  cli.exitWith(EXIT.negative);
}

function leaderRecord(view: LeaderView): RecordRendering {
  const { leader, voters, candidates } = view;
  const nameOf = ({ id, name }: { readonly id: string; readonly name: string | null }) =>
    name ?? id.slice(0, 8);
  const listed = voters.map((voter) => `${nameOf(voter)}${voter.present ? "" : " (away)"}`).join(", ");
  return {
    what: "leader",
    fields: [
      { label: "leader", value: leader === null ? "none" : nameOf(leader) },
      ...(leader === null ? [] : [
        { label: "id", value: leader.id },
        { label: "mode", value: MODES[leader.mode] },
        { label: "term", value: leader.term },
        ...(leader.priority === null ? [] : [{ label: "priority", value: leader.priority }]),
        { label: "valid", value: briefDuration(leader.validMs * 1_000) },
      ]),
      {
        label: "apps",
        value: candidates.length === 0
          ? "none"
          : candidates.map(({ name, priority }) => priority === 0 ? name : `${name} (priority ${priority})`)
            .join(", "),
      },
      {
        label: "voters",
        value: voters.length === 0 ? "none" : `${counted(voters.length, "node")}: ${listed}`,
      },
    ],
    quiet: leader === null ? [] : [nameOf(leader)],
    json: { ...view } as unknown as JsonObject,
  };
}

const MODES = {
  lease: "elected by a majority",
  solo: "alone, unfenced: fewer than three nodes",
  forced: "by the operator's word: the mesh may have diverged",
} as const;
