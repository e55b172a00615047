// The programs of a run: their executables on the machines, what their nodes say of them, what a timeline does to them.
// Decides what is installed where and how a verb is played; programs are kept by the supervisor and the shim that ship.
// Made only for scenarios with programs: others do not know that there are any.

import type { Node, ProgramSettings } from "../../../node/mod.ts";
import type { SimulatedHost } from "../../../platform/simulated/mod.ts";
import type { ProgramEventEntry, ProgramSnapshot } from "../../../supervision/mod.ts";
import { resolveSelector } from "../../language/mod.ts";
import type { Fact, LivingProgram } from "../../observe.ts";
import { type AskAction, meansProgram, type ProgramAction, type ProgramPlan } from "../../program_plan.ts";
import { programScript, remainingScript, runHana, slateScript } from "../../programs/mod.ts";
import type { Scenario } from "../../scenario.ts";
import type { RunHarness } from "../harness.ts";
import type { Station } from "../station.ts";
import { Consoles, type Wish } from "./consoles.ts";
import { specificationOf } from "./specification.ts";
import { BYSTANDER, hanaPathOf, pathsOf, ProgramTruth } from "./truth.ts";

/** What a stage needs of its run. */
export interface StageSurroundings {
  readonly scenario: Scenario;
  readonly stations: ReadonlyMap<string, Station>;
  readonly harness: RunHarness;
  host(name: string): SimulatedHost;
  nowUs(): number;
  at(atUs: number, run: () => void): void;
  tell(fact: Fact): void;
}

/** What a node has learnt so far. */
interface Heard {
  /** The last event, by the node's own number. */
  id: number;
  /** Events of before are told already, or lost with the power; by the machine's monotonic clock. */
  sinceUs: number;
}

/** Programs of a run. */
export class ProgramStage {
  readonly #around: StageSurroundings;
  readonly #truth: ProgramTruth;
  readonly #consoles: Consoles;
  /** What each node has, by name. */
  readonly #plans = new Map<string, ProgramPlan[]>();
  readonly #runs = new Map<string, number>();
  readonly #heard = new Map<string, Heard>();
  /** Programs that a console has asked a node for. */
  readonly #spawned = new Set<string>();
  readonly #shows = new Map<string, number>();

  constructor(around: StageSurroundings) {
    this.#around = around;
    const nowUs = (): number => around.nowUs();
    this.#truth = new ProgramTruth(nowUs, (fact) => around.tell(fact));
    this.#consoles = new Consoles({
      stations: around.stations,
      nowUs,
      at: (atUs, run) => around.at(atUs, run),
      tell: (fact) => around.tell(fact),
    });
    const { nodes, programs = [] } = around.scenario;
    for (const plan of programs) {
      for (const node of resolveSelector(plan.on, { nodes })) {
        const plans = this.#plans.get(node);
        if (plans === undefined) this.#plans.set(node, [plan]);
        else plans.push(plan);
      }
    }
    const hosts = new Set<string>();
    for (const { name, host } of nodes) {
      if (!this.#plans.has(name)) continue;
      this.#install(name, around.host(host));
      hosts.add(host);
    }
    for (const name of hosts) this.#watch(around.host(name), name);
  }

  /** What makes a node supervise; undefined for one that has no programs. */
  settingsOf(node: string): ProgramSettings | undefined {
    return this.#plans.has(node) ? { shim: [hanaPathOf(node)], allowExec: true } : undefined;
  }

  /** Plans what consoles ask for by themselves. */
  schedule(): void {
    for (const [node, plans] of this.#plans) {
      for (const plan of plans) {
        if (plan.startUs === null) continue;
        this.#around.at(plan.startUs, () => {
          const target = this.#around.stations.get(node);
          if (target !== undefined) this.#ask(target, target, plan, { verb: "start-program" });
        });
      }
    }
  }

  /** A node can be reached: what it has learnt is told, and what it will learn. */
  onReady(station: Station, node: Node): void {
    const supervisor = node.programs?.supervisor;
    if (supervisor === undefined) return;
    const { host } = station;
    if (host.processTable.named("bystander").length === 0) {
      host.platform.processes.spawn({ argv: [BYSTANDER] }, { onExit: () => {} });
    }
    const { name } = station;
    const heard = this.#heard.get(name) ?? { id: 0, sinceUs: 0 };
    this.#heard.set(name, heard);
    // Numbers of events that were lost with the power are given again.
    if (supervisor.eventId < heard.id) heard.id = 0;
    const life = station.lives;
    const take = ({ id, origin, event }: ProgramEventEntry): void => {
      if (station.lives !== life || id <= heard.id) return;
      heard.id = id;
      if (event.atUs < heard.sinceUs) return;
      this.#around.tell({ kind: "program", atUs: this.#around.nowUs(), node: name, origin, event });
    };
    for (;;) {
      const { events } = supervisor.events({ after: heard.id, limit: 1_000 });
      for (const entry of events) take(entry);
      if (events.length === 0) break;
    }
    supervisor.onEvent(take);
  }

  /** The machine has lost its power, and with it what was not on the disk. */
  onPowerLost(hostName: string): void {
    for (const { name, host } of this.#around.scenario.nodes) {
      const heard = host === hostName ? this.#heard.get(name) : undefined;
      if (heard === undefined) continue;
      heard.id = 0;
      heard.sinceUs = this.#around.host(hostName).main.platform.clock.nowUs();
    }
  }

  /** A program as its node shows it. */
  shown(node: string, program: string): ProgramSnapshot | null {
    const supervisor = this.#around.stations.get(node)?.node?.programs?.supervisor;
    return supervisor?.programs().find(({ name }) => name === program) ?? null;
  }

  /** Counters of a node's supervisor; null while it is down. */
  counters(node: string): Readonly<Record<string, number>> | null {
    const supervisor = this.#around.stations.get(node)?.node?.programs?.supervisor;
    return supervisor === undefined ? null : { ...supervisor.counters };
  }

  /** What lives of a program. */
  lives(node: string, program: string): LivingProgram {
    const members = this.#truth.of(node, program);
    const processes = members.filter(({ part }) => part !== "shim");
    return {
      leaders: processes.filter(({ part }) => part === "leader").length,
      processes: processes.length,
      shims: members.filter(({ part }) => part === "shim").length,
      inKernel: processes.some(({ record }) => record.state === "uninterruptible"),
    };
  }

  /** Plays a verb; returns how to take it back, null where that cannot be. */
  play(
    action: ProgramAction,
    chosen: readonly string[],
    chooseAskers: () => readonly string[],
  ): (() => void) | null {
    switch (action.verb) {
      case "start-program":
      case "stop-program":
      case "restart-program":
        this.#askAll(action, chosen, chooseAskers());
        return null;
      case "apply-show":
        for (const node of chosen) this.#apply(node);
        return null;
      case "fill-disk":
        return this.#fillDisks(chosen);
      case "kill-program":
        return this.#signal(chosen, action.program, "leader", action.signal);
      case "kill-shim":
        return this.#signal(chosen, action.program, "shim", "SIGKILL");
      case "stop-shim":
        return this.#signal(chosen, action.program, "shim", "SIGSTOP");
      case "remove-binary": {
        for (const [node, plan] of this.#meant(chosen, action.program)) {
          this.#hostOf(node).programs.unregister(pathsOf(node, plan.name).run);
        }
        return () => {
          for (const [node, plan] of this.#meant(chosen, action.program)) this.#register(node, plan);
        };
      }
    }
  }

  /** The nodes of these that have such a program. */
  having(chosen: readonly string[], pattern: string): string[] {
    return [...new Set(this.#meant(chosen, pattern).map(([node]) => node))];
  }

  #meant(chosen: readonly string[], pattern: string): (readonly [node: string, plan: ProgramPlan])[] {
    return chosen.flatMap((node) =>
      (this.#plans.get(node) ?? []).filter(({ name }) => meansProgram(pattern, name)).map((plan) =>
        [node, plan] as const
      )
    );
  }

  #signal(
    chosen: readonly string[],
    pattern: string,
    part: "leader" | "shim",
    signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT",
  ): (() => void) | null {
    const hit = this.#meant(chosen, pattern).flatMap(([node, { name }]) => this.#truth.of(node, name, part));
    for (const { record } of hit) record.signal(signal);
    return signal === "SIGSTOP" ? () => hit.forEach(({ record }) => record.signal("SIGCONT")) : null;
  }

  #fillDisks(chosen: readonly string[]): () => void {
    const disks = [...new Set(chosen.map((node) => this.#hostOf(node).disk))];
    for (const disk of disks) disk.limitBytes = disk.usedBytes;
    return () => {
      for (const disk of disks) disk.limitBytes = null;
    };
  }

  #askAll(action: AskAction, chosen: readonly string[], askers: readonly string[]): void {
    for (const [node, plan] of this.#meant(chosen, action.program)) {
      const target = this.#around.stations.get(node);
      if (target === undefined) continue;
      const others = askers.filter((name) => name !== node);
      for (let index = 0; index < (action.consoles ?? 1); index++) {
        const from = others.length === 0 ? node : others[index % others.length] ?? node;
        this.#ask(this.#around.stations.get(from) ?? target, target, plan, action);
      }
    }
  }

  #ask(
    console: Station,
    target: Station,
    plan: ProgramPlan,
    { verb, now = false, sameRun = false }: Pick<AskAction, "verb" | "now" | "sameRun">,
  ): void {
    const program = plan.name;
    const key = `${target.name}/${program}`;
    const wish = ((): Wish => {
      if (verb === "stop-program") return { verb: "stop", program, now };
      if (verb === "restart-program") {
        const run = sameRun ? this.shown(target.name, program)?.run ?? null : null;
        return { verb: "restart", program, now, run };
      }
      if (this.#spawned.has(key)) return { verb: "start", program };
      this.#spawned.add(key);
      return { verb: "spawn", program, spec: specificationOf(plan, target.name), want: plan.want };
    })();
    this.#consoles.ask(console, target, wish);
  }

  #apply(node: string): void {
    const station = this.#around.stations.get(node);
    const plans = this.#plans.get(node) ?? [];
    if (station === undefined || plans.length === 0) return;
    const generation = (this.#shows.get(node) ?? 0) + 1;
    this.#shows.set(node, generation);
    for (const { name } of plans) this.#spawned.add(`${node}/${name}`);
    const programs = plans.map((plan) => ({
      name: plan.name,
      spec: specificationOf(plan, node),
      want: plan.want,
    }));
    const show = { generation, sha256: String(generation).padStart(64, "0"), text: "simulated" };
    this.#consoles.ask(station, station, { verb: "apply", program: "*", call: { show, programs } });
  }

  #hostOf(node: string): SimulatedHost {
    const plan = this.#around.scenario.nodes.find(({ name }) => name === node);
    return this.#around.host(plan?.host ?? node);
  }

  #watch(host: SimulatedHost, hostName: string): void {
    this.#truth.watch(host, ({ processId }) => {
      for (const station of this.#around.stations.values()) {
        if (station.plan.host === hostName && station.processId === processId) return station.name;
      }
      return null;
    });
    host.programs.register(BYSTANDER, () => {});
  }

  #install(node: string, host: SimulatedHost): void {
    const { harness } = this.#around;
    host.programs.register(hanaPathOf(node), (program) =>
      runHana(program, {
        onAssigned: ({ processId }, { name }) => this.#truth.noteShim(host, processId, name, false),
        onHolding: ({ processId }, { name }) => this.#truth.noteShim(host, processId, name, true),
        platform: (platform) => harness.shimPlatform?.(node, platform) ?? platform,
      }));
    for (const plan of this.#plans.get(node) ?? []) this.#register(node, plan);
  }

  #register(node: string, plan: ProgramPlan): void {
    const host = this.#hostOf(node);
    const paths = pathsOf(node, plan.name);
    const key = `${node}/${plan.name}`;
    host.programs.register(paths.run, (program) => {
      const run = Number(program.env["HANA_RUN"]);
      programScript(plan.does, {
        fork: paths.fork,
        nextRun: () => {
          const next = (this.#runs.get(key) ?? 0) + 1;
          this.#runs.set(key, next);
          return next;
        },
        tell: (what) =>
          this.#around.tell({
            kind: "behaves",
            atUs: this.#around.nowUs(),
            node,
            program: plan.name,
            run,
            what,
          }),
      })(program);
    });
    host.programs.register(paths.slate, slateScript);
    host.programs.register(paths.fork, remainingScript(plan.does));
  }
}
