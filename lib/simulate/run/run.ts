// Plays one scenario with one seed and says what came of it.
// Decides the order of a run: start, warm-up, faults, quiet tail, end; and when it must stop before its time.
// Knows no metric and no rule: observers do.

import { HanaError } from "../../base/mod.ts";
import { SharedOpening } from "../../discovery/mod.ts";
import { loadSessionSuite } from "../../security/mod.ts";
import { hashScenario } from "../language/mod.ts";
import type { EventTap } from "../../platform/simulated/mod.ts";
import { OBSERVERS } from "../observers/mod.ts";
import type {
  Fact,
  FrameSample,
  MetricValue,
  ObserverDefinition,
  Oracle,
  RunObserver,
  RunResult,
  Violation,
} from "../observe.ts";
import type { Scenario } from "../scenario.ts";
import { FactBus } from "./facts.ts";
import { Faults } from "./faults.ts";
import { typeOfDatagram } from "./frame_type.ts";
import { Ground } from "./ground.ts";
import { plantedHarness, type RunHarness } from "./harness.ts";
import { RunOracle } from "./oracle.ts";
import { ProgramStage } from "./programs/mod.ts";
import { StateStage } from "./state/mod.ts";
import { selectObservers } from "./selection.ts";
import { Station } from "./station.ts";
import { Traffic } from "./traffic.ts";
import { decide, judgeClaims, judgeMetrics } from "./verdict.ts";

/** How to play a scenario. */
export interface RunOptions {
  /** An integer in 0 … 2^53 − 1. */
  readonly seed: number;
  /** hana's version and commit, for the report and as what the nodes say of themselves. */
  readonly software: string;
  /** All that are registered when not given. */
  readonly observers?: readonly ObserverDefinition[];
  /** Told of every fact as it happens. */
  readonly onFact?: (fact: Fact) => void;
  /** Whether {@linkcode onFact} is told of frames too. */
  readonly frames?: boolean;
  /** Ends the run with the first violation. */
  readonly stopAtFirst?: boolean;
  /** Ends the run early; what was found so far is reported. */
  readonly signal?: AbortSignal;
  /** Ends the run after so many events. */
  readonly maxEvents?: number;
  /** Told of the world's digest at the end of every simulated second. */
  readonly onSecond?: (second: number, digest: string) => void;
  /** Shown every event of the world; slow. */
  readonly onEvent?: EventTap;
  /** Seams for tests; that of the bug which the scenario plants when not given. */
  readonly harness?: RunHarness;
}

const TICK_US = 100_000;
const SECOND_US = 1_000_000;
/** Violations of one rule that are kept; the others are more of the same. */
const MAX_VIOLATIONS_PER_RULE = 20;
const MAX_VIOLATIONS = 400;

/**
 * Plays a scenario and judges it. The same scenario, seed and program give the same result, to the last bit of its
 * digest. Rejects with `config` for a scenario that names an invariant or a metric that nobody knows.
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<RunResult> {
  // The ciphers are loaded by a real import, for which a simulated world does not wait.
  await loadSessionSuite();
  return await new Run(scenario, options).play();
}

class Run {
  readonly #scenario: Scenario;
  readonly #options: RunOptions;
  readonly #ground: Ground;
  readonly #bus: FactBus;
  readonly #stations = new Map<string, Station>();
  readonly #traffic: Traffic;
  readonly #programs: ProgramStage | undefined;
  readonly #state: StateStage | undefined;
  readonly #faults: Faults;
  readonly #oracle: RunOracle;
  readonly #observers: RunObserver[] = [];
  readonly #tickers: RunObserver[] = [];
  readonly #violations: Violation[] = [];
  readonly #perRule = new Map<string, number>();
  readonly #claims = new Map<string, number>();
  #phase: Oracle["phase"] = "warmup";
  /** A mistake of the scenario that only showed when an action fired. */
  #mistake: HanaError | null = null;
  #stop = false;
  #cutShort: string | null = null;
  #notWarm: string | null = null;

  constructor(scenario: Scenario, options: RunOptions) {
    this.#scenario = scenario;
    this.#options = options;
    const definitions = selectObservers(scenario, options.observers ?? OBSERVERS);
    this.#bus = new FactBus(options.onFact ?? null, options.frames ?? false);
    this.#ground = new Ground(scenario, options.seed, (error) => this.#onCrash(error));
    const { world } = this.#ground;
    const tell = (fact: Fact): void => this.#bus.tell(fact);
    const isWanted = (kind: Fact["kind"]): boolean => this.#bus.isWanted(kind);
    const leaders = (): string[] =>
      scenario.nodes.map(({ name }) => name).filter((name) => this.#oracle.isLeading(name));
    const harness = options.harness ?? plantedHarness(scenario);
    const stage = scenario.programs === undefined ? undefined : new ProgramStage({
      scenario,
      stations: this.#stations,
      harness,
      host: (name) => this.#ground.host(name),
      nowUs: () => world.nowUs,
      at: (atUs, run) => world.at(atUs, run),
      tell,
    });
    this.#programs = stage;
    const state = scenario.state === undefined ? undefined : new StateStage({
      scenario,
      stations: this.#stations,
      nowUs: () => world.nowUs,
      at: (atUs, run) => world.at(atUs, run),
      random: (name) => world.random(name),
      tell,
      isFrozen: (name) => this.#faults.isFrozen(this.#stations.get(name)?.plan.host ?? name),
    }, scenario.state);
    this.#state = state;
    this.#faults = new Faults({
      scenario,
      ground: this.#ground,
      stations: this.#stations,
      tell,
      leaders,
      programs: stage,
      state,
      onPowerLost: (host) => stage?.onPowerLost(host),
    });
    this.#traffic = new Traffic({
      scenario,
      stations: this.#stations,
      nowUs: () => world.nowUs,
      at: (atUs, run) => world.at(atUs, run),
      random: (name) => world.random(name),
      tell,
      isWanted,
      sharesMesh: (a, b) => this.#oracle.sharesMesh(a, b),
    });
    this.#oracle = new RunOracle({
      scenario,
      ground: this.#ground,
      stations: this.#stations,
      faults: this.#faults,
      traffic: this.#traffic,
      programs: stage,
      state,
      phase: () => this.#phase,
    });
    const opening = new SharedOpening();
    for (const plan of scenario.nodes) {
      this.#stations.set(
        plan.name,
        new Station({
          plan,
          host: this.#ground.host(plan.host),
          software: options.software,
          harness,
          opening,
          nowUs: () => world.nowUs,
          tell,
          isWanted,
          programs: stage?.settingsOf(plan.name),
          state: () => state?.settingsOf(plan.name),
          nameOf: (id) => this.#oracle.nameOf(id),
          station: (name) => this.#stations.get(name) ?? null,
          onId: (station, id) => this.#oracle.noteId(station, id),
          onReady: (station, node, platform) => {
            this.#traffic.onReady(station, node, platform);
            stage?.onReady(station, node);
            state?.onReady(station, node);
          },
          onDown: (station) => {
            this.#traffic.onDown(station);
            state?.onDown(station);
          },
        }),
      );
    }
    for (const definition of definitions) this.#watchWith(definition);
    if (this.#bus.watchesFrames) this.#tapFrames();
    if (options.onEvent !== undefined) world.tapEvents(options.onEvent);
    harness.world?.(world, scenario);
  }

  async play(): Promise<RunResult> {
    const { durationUs, quietUs, warmupUs, nodes } = this.#scenario;
    const { world } = this.#ground;
    for (const { name, startUs } of nodes) {
      if (startUs !== null) world.at(startUs, () => this.#stations.get(name)?.start());
    }
    this.#traffic.schedule();
    this.#programs?.schedule();
    this.#state?.schedule();
    this.#faults.schedule();
    if (quietUs > 0) world.at(durationUs - quietUs, () => this.#beginQuiet());
    let second = 1;
    while (world.nowUs < durationUs && !this.#stop) {
      const nextUs = Math.min(world.nowUs + TICK_US - world.nowUs % TICK_US, durationUs);
      const isWarmingUp = this.#phase === "warmup";
      await this.#runUntil(isWarmingUp && warmupUs > world.nowUs ? Math.min(nextUs, warmupUs) : nextUs);
      if (isWarmingUp && world.nowUs >= warmupUs) this.#endWarmup();
      if (this.#stop) break;
      for (const each of this.#tickers) each.onTick?.(world.nowUs);
      if (world.nowUs >= second * SECOND_US) this.#options.onSecond?.(second++, world.eventDigest());
      this.#checkBudget();
    }
    this.#bus.tell({ kind: "phase", atUs: world.nowUs, phase: "end" });
    return this.#result();
  }

  #watchWith(definition: ObserverDefinition): void {
    const { scenario, seed } = { scenario: this.#scenario, seed: this.#options.seed };
    const observer = definition.create({
      scenario,
      seed,
      oracle: this.#oracle,
      violate: (violation) => this.#violate(violation),
      claim: (name) => this.#claim(name),
    });
    this.#observers.push(observer);
    if (observer.onTick !== undefined) this.#tickers.push(observer);
    this.#bus.add(observer);
  }

  #tapFrames(): void {
    const { world } = this.#ground;
    // One object for all frames: there are millions of them.
    const frame = {
      atUs: 0,
      from: "",
      to: "",
      bytes: 0,
      payloadBytes: 0,
      type: "",
      fate: "delivered" as FrameSample["fate"],
      arrivesUs: 0,
    };
    world.tapFrames((from, to, bytes, payload, fate, arrivesUs, kind) => {
      frame.atUs = world.nowUs;
      frame.from = from;
      frame.to = to;
      frame.bytes = bytes;
      frame.payloadBytes = payload?.length ?? 0;
      frame.type = kind === "stream" || payload === null ? kind : typeOfDatagram(payload);
      frame.fate = fate;
      frame.arrivesUs = arrivesUs;
      this.#bus.tellFrame(frame);
    });
  }

  /** Runs until `atUs`; ends the run when time stands still. */
  async #runUntil(atUs: number): Promise<void> {
    try {
      await this.#ground.world.runUntil(atUs);
    } catch (thrown) {
      if (!(thrown instanceof HanaError)) throw thrown;
      this.#violate({ id: "time_goes_on", kind: "internal", nodes: [], text: thrown.message });
      this.#end(thrown.message);
    }
    if (this.#mistake !== null) throw this.#mistake;
  }

  #checkBudget(): void {
    const { signal, maxEvents } = this.#options;
    const events = this.#ground.world.eventCount;
    if (signal?.aborted === true) this.#end("interrupted");
    else if (maxEvents !== undefined && events >= maxEvents) this.#end(`stopped after ${events} events`);
  }

  #end(why: string | null): void {
    this.#stop = true;
    this.#cutShort ??= why;
  }

  #endWarmup(): void {
    this.#phase = "active";
    const missing: string[] = [];
    const { nodes } = this.#oracle;
    for (const a of nodes) {
      if (!this.#oracle.isUp(a)) continue;
      for (const b of nodes) {
        if (a === b || !this.#oracle.isUp(b) || !this.#oracle.sharesMesh(a, b)) continue;
        if (!this.#oracle.canTalk(a, b) || !this.#oracle.canTalk(b, a)) continue;
        const state = this.#oracle.view(a).get(b)?.state;
        // A suspect has been met.
        if (state !== "alive" && state !== "suspect") missing.push(`${a} misses ${b}`);
      }
    }
    this.#bus.tell({ kind: "phase", atUs: this.#oracle.nowUs, phase: "warm" });
    if (missing.length === 0) return;
    const shown = missing.slice(0, 8).join(", ");
    const more = missing.length > 8 ? ` and ${missing.length - 8} more` : "";
    this.#notWarm = `not everybody had met by the end of the warm-up: ${shown}${more}`;
    this.#end(this.#notWarm);
  }

  #beginQuiet(): void {
    this.#phase = "quiet";
    this.#faults.endForQuiet();
    this.#state?.beginQuiet();
    this.#bus.tell({ kind: "phase", atUs: this.#oracle.nowUs, phase: "quiet" });
  }

  #onCrash(error: HanaError): void {
    const node = / on ([^ ]+)$/.exec(error.what)?.[1] ?? "";
    const { cause } = error;
    if (cause instanceof HanaError && cause.code === "config") {
      this.#mistake ??= cause;
      return;
    }
    const text = cause instanceof Error ? cause.stack ?? cause.message : error.message;
    this.#bus.tell({ kind: "crash", atUs: this.#ground.world.nowUs, node, text: `${error.what}: ${text}` });
  }

  #violate(violation: Omit<Violation, "atUs">): void {
    const times = (this.#perRule.get(violation.id) ?? 0) + 1;
    this.#perRule.set(violation.id, times);
    if (times > MAX_VIOLATIONS_PER_RULE || this.#violations.length >= MAX_VIOLATIONS) return;
    const complete = { ...violation, atUs: this.#ground.world.nowUs };
    this.#violations.push(complete);
    this.#bus.tell({ kind: "violation", atUs: complete.atUs, violation: complete });
    if (this.#options.stopAtFirst === true) this.#end(null);
  }

  #claim(claim: string): void {
    this.#claims.set(claim, (this.#claims.get(claim) ?? 0) + 1);
    if (this.#bus.isWanted("claim")) {
      this.#bus.tell({ kind: "claim", atUs: this.#ground.world.nowUs, claim });
    }
  }

  #result(): RunResult {
    const { world } = this.#ground;
    const scenario = this.#scenario;
    const metrics: Record<string, MetricValue> = {};
    for (const observer of this.#observers) Object.assign(metrics, observer.finish?.() ?? {});
    metrics["events"] = { unit: "count", count: 1, value: world.eventCount };
    const isWhole = this.#cutShort === null && !this.#stop;
    // Bounds are on whole runs: what was stopped half-way has neither kept nor broken them.
    const judged = isWhole
      ? judgeMetrics(scenario.expect.metrics, metrics, world.nowUs)
      : { violations: [], unmeasured: [] };
    for (const violation of judged.violations) this.#violate(violation);
    const claims = judgeClaims(scenario, this.#claims);
    return {
      scenario: scenario.name,
      hash: hashScenario(scenario),
      seed: this.#options.seed,
      software: this.#options.software,
      simulatedUs: world.nowUs,
      events: world.eventCount,
      digest: world.eventDigest(),
      metrics,
      violations: this.#violations,
      claims,
      ...decide({
        violations: this.#violations,
        claims,
        unmeasured: judged.unmeasured,
        notWarm: this.#notWarm,
        cutShort: this.#cutShort,
      }),
    };
  }
}
