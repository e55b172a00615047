// Nodes that answer about programs what a test wants: real sessions, made-up programs.

import { HanaError, type NodeId } from "../../../../lib/base/mod.ts";
import type { ConnectorContext } from "../../../../lib/node/connector.ts";
import { NodeListeners } from "../../../../lib/node/listeners.ts";
import { CLOCK, LIST_NODES, SessionSet, WATCH_NODES } from "../../../../lib/node/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";
import { HandlerTable, type Identity, type Session } from "../../../../lib/session/mod.ts";
import {
  type CrashBundle,
  FOLLOW_EVENTS,
  FOLLOW_LOGS,
  LIST_PROGRAMS,
  type LogRecord,
  PROGRAM_EVENT,
  PROGRAM_EVENTS,
  PROGRAM_LOG,
  PROGRAM_LOGS,
  type ProgramEventEntry,
  PROGRAMS_DELTA,
  type ProgramSnapshot,
  REMOVE_PROGRAM,
  RESTART_PROGRAM,
  SPAWN_PROGRAM,
  START_PROGRAM,
  STOP_PROGRAM,
  WATCH_PROGRAMS,
  WHY_PROGRAM,
} from "../../../../lib/supervision/mod.ts";
import type { Home } from "../../../support/cli.ts";
import { testContext, testRing } from "../../security/support.ts";
import { identity } from "../../session/support.ts";

/** What happens after an order: programs as they become, one after the other. */
export type Course = readonly Partial<ProgramSnapshot>[];

/** One node of a test. */
export interface StandInPlan {
  readonly name: string;
  readonly programs: readonly ProgramSnapshot[];
  /** What becomes of a program after an order for it. */
  readonly course?: Course;
  /** What it answers beside the course. */
  readonly changed?: boolean;
  readonly durable?: boolean;
  readonly refuses?: HanaError;
  readonly logs?: readonly LogRecord[];
  /** Lines that come after a follower has its first ones, and how many it missed. */
  readonly later?: { readonly records: readonly LogRecord[]; readonly missed: number };
  readonly events?: readonly ProgramEventEntry[];
  readonly laterEvents?: readonly ProgramEventEntry[];
  readonly bundle?: CrashBundle;
  /** It knows nothing of programs. */
  readonly without?: true;
  /** It is listed, and nobody listens there. */
  readonly silent?: true;
  readonly tags?: Readonly<Record<string, string>>;
  readonly load?: Readonly<Record<string, number | null>>;
  readonly role?: string;
}

/** What a node was ordered. */
export interface Ordered {
  readonly node: string;
  readonly verb: string;
  readonly body: Record<string, unknown>;
}

/** Running stand-ins. */
export interface StandIns {
  readonly orders: Ordered[];
  stop(): Promise<void>;
}

interface Running {
  readonly listeners: NodeListeners;
  readonly sessions: SessionSet;
}

/** Starts the nodes of a test; the first is the one of `home`'s machine unless it is null. */
export async function standIns(
  home: Home,
  local: StandInPlan | null,
  others: readonly StandInPlan[] = [],
): Promise<StandIns> {
  const orders: Ordered[] = [];
  const running: Running[] = [];
  const plans = [...local === null ? [] : [local], ...others];
  const views = plans.map((plan, index) => viewOf(plan, index, home));
  for (const [index, plan] of plans.entries()) {
    if (plan.silent === true) continue;
    const runDirectory = plan === local ? `${home.run}/hana` : runOf(home, index);
    running.push(await start(plan, identityOf(plan, index), runDirectory, views, orders));
  }
  return {
    orders,
    stop: async () => {
      for (const { listeners, sessions } of running) {
        listeners.close();
        await sessions.closeAll("done");
      }
    },
  };
}

function identityOf(plan: StandInPlan, index: number): Identity {
  return identity(0xa0 + index, { name: plan.name, role: (plan.role ?? "daemon") as Identity["role"] });
}

function runOf(home: Home, index: number): string {
  return `${home.run}/other-${index}`;
}

function viewOf(plan: StandInPlan, index: number, home: Home): Record<string, unknown> {
  const { id, name, role } = identityOf(plan, index);
  const socket = `${runOf(home, index)}/${id.slice(0, 12)}.sock`;
  return {
    id,
    name,
    role,
    state: "alive",
    endpoints: [{ kind: "unix", address: `unix://${socket}` }],
    tags: plan.tags ?? {},
    capabilities: {},
    resources: {},
    load: plan.load ?? null,
    version: "0.1.0",
  };
}

async function start(
  plan: StandInPlan,
  local: Identity,
  runDirectory: string,
  views: readonly Record<string, unknown>[],
  orders: Ordered[],
): Promise<Running> {
  const platform = denoPlatform();
  const handlers = new HandlerTable();
  const sessions = new SessionSet(16);
  const nodes = () => ({ nodes: views.map((view) => ({ ...view, self: view.id === local.id })) });
  handlers.onRequest(LIST_NODES, nodes);
  handlers.onRequest(WATCH_NODES, nodes);
  handlers.onRequest(CLOCK, () => ({ wallMs: Date.now() }));
  if (plan.without !== true) addPrograms(plan, handlers, orders);
  const context = {
    platform,
    security: testContext(testRing(1)),
    local,
    handlers,
    access: "operator",
  } satisfies ConnectorContext;
  const listeners = new NodeListeners(context, sessions);
  await listeners.open({
    id: local.id as NodeId,
    name: local.name,
    role: local.role,
    runDirectory,
    tcpPort: null,
  });
  return { listeners, sessions };
}

function addPrograms(plan: StandInPlan, handlers: HandlerTable, orders: Ordered[]): void {
  const programs = new Map(plan.programs.map((program) => [program.name, program]));
  const watchers = new Set<Session>();
  const list = () => ({ node: plan.name, programs: [...programs.values()], eventId: 9 });
  handlers.onRequest(LIST_PROGRAMS, list);
  handlers.onRequest(WATCH_PROGRAMS, (_body, { session }) => {
    watchers.add(session);
    return list();
  });
  const tell = (op: "add" | "update" | "remove", program: ProgramSnapshot): void => {
    if (op === "remove") programs.delete(program.name);
    else programs.set(program.name, program);
    for (const session of watchers) session.post(PROGRAMS_DELTA, { op, program });
  };
  const obey = (verb: string, body: Record<string, unknown>) => {
    orders.push({ node: plan.name, verb, body });
    if (plan.refuses !== undefined) throw plan.refuses;
    const name = String(body.name);
    const before = programs.get(name) ?? null;
    const run = before?.run ?? 0;
    let now = before;
    for (const step of plan.course ?? []) {
      const base = now ?? { ...BLANK, name };
      now = { ...base, ...step, name };
      const next = now;
      // After the answer, as a node would.
      setTimeout(() => tell("update", next), 1);
    }
    if (verb === "remove" && before !== null) tell("remove", before);
    return {
      name,
      generation: before?.generation ?? 1,
      run,
      changed: plan.changed ?? true,
      replayed: false,
      durable: plan.durable ?? true,
      program: now,
    };
  };
  handlers.onRequest(SPAWN_PROGRAM, (body) => obey("spawn", body));
  handlers.onRequest(START_PROGRAM, (body) => obey("start", body));
  handlers.onRequest(STOP_PROGRAM, (body) => obey("stop", body));
  handlers.onRequest(RESTART_PROGRAM, (body) => obey("restart", body));
  handlers.onRequest(REMOVE_PROGRAM, (body) => obey("remove", body));
  const logsOf = (body: unknown): { records: LogRecord[] } => {
    orders.push({ node: plan.name, verb: "logs", body: body as Record<string, unknown> });
    return { records: [...plan.logs ?? []] };
  };
  handlers.onRequest(PROGRAM_LOGS, (body) => logsOf(body));
  handlers.onRequest(FOLLOW_LOGS, (body, { session }) => {
    const { later } = plan;
    if (later !== undefined) {
      setTimeout(() => {
        session.post(PROGRAM_LOG, {
          follow: 3,
          name: body.name,
          records: [...later.records],
          missed: later.missed,
        });
      }, 1);
    }
    return { follow: 3, ...logsOf(body) };
  });
  handlers.onRequest(PROGRAM_EVENTS, (body) => {
    const events = (plan.events ?? []).filter(({ event }) =>
      (body.program ?? event.program) === event.program
    );
    return { events, last: 9, oldest: 1 };
  });
  handlers.onRequest(FOLLOW_EVENTS, (_body, { session }) => {
    const later = plan.laterEvents ?? [];
    setTimeout(() => {
      for (const entry of later) session.post(PROGRAM_EVENT, { follow: 4, entry, missed: 0 });
    }, 1);
    return { follow: 4, events: [...plan.events ?? []], last: 9, oldest: 1 };
  });
  handlers.onRequest(WHY_PROGRAM, ({ name, run }) => {
    if (plan.bundle === undefined) {
      throw new HanaError("not-found", { what: `nothing is kept of ${name} ${run}` });
    }
    return { bundle: plan.bundle };
  });
}

const BLANK: ProgramSnapshot = {
  name: "",
  generation: 1,
  argv: ["./viz"],
  want: "up",
  state: "idle",
  health: "unknown",
  process: null,
  run: 0,
  fails: 0,
  sinceWallMs: 0,
  startedWallMs: null,
  readyUs: null,
  nextTryWallMs: null,
  lastExit: null,
  status: null,
  fps: null,
  frame: null,
  residentBytes: null,
  cpuShare: null,
  processes: 0,
  note: null,
  fallback: false,
  unstable: false,
  eventSeq: 0,
  supervised: true,
};
