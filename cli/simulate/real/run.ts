// Plays one scenario on real processes and says what came of it, in the shape and by the observers of a simulated run.
// Decides the order: build, prepare, start, warm-up, faults, quiet tail, end, and that nothing stays behind, however it
// ends. What cannot be played is said in the verdict, never left out in silence.

import { HanaError, type NodeId } from "../../../lib/base/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { denoPlatform } from "../../../lib/platform/deno/mod.ts";
import { saveKeyRing } from "../../../lib/security/mod.ts";
import {
  decide,
  type Fact,
  FactBus,
  Faults,
  hashScenario,
  judgeClaims,
  judgeMetrics,
  keyRingOf,
  type MetricValue,
  OBSERVERS,
  type Oracle,
  type RunObserver,
  type RunResult,
  type Scenario,
  selectObservers,
  type Violation,
} from "../../../lib/simulate/mod.ts";
import type { Part } from "./channel.ts";
import { FactSorter } from "./fact_sorter.ts";
import { RealGround } from "./ground.ts";
import { RealNetwork, whyNoNamespaces } from "./namespaces.ts";
import { hanaProgram } from "./node_process.ts";
import { RealOracle } from "./oracle.ts";
import { RealStation } from "./station.ts";
import { type ViewChange, Watching } from "./watching.ts";

/** How to play a scenario for real. */
export interface RealOptions {
  /** Draws of selectors, losses and delays. What processes draw by themselves, no seed decides. */
  readonly seed: number;
  /** hana's version and commit, for the report. */
  readonly software: string;
  /** Told of every fact as it happens. */
  readonly onFact?: (fact: Fact) => void;
  /** Told of every process that can be reached, for who wants to know what it costs. */
  readonly onUp?: (node: string, processId: number, local: string) => void;
  /** Ends the run with the first violation. */
  readonly stopAtFirst?: boolean;
  /** Ends the run early; what was found so far is reported. */
  readonly signal?: AbortSignal;
  /** Told of what is being done before the run begins. */
  readonly onProgress?: (text: string) => void;
}

const TICK_MS = 100;
const SORT_MS = 20;
/** Processes that load at once: as many as a small machine has cores, twice. */
const PREPARED_AT_ONCE = 4;
/** After the last one was loaded the machine comes to rest. */
const REST_MS = 500;
const MAX_VIOLATIONS_PER_RULE = 20;
/** Kinds of facts that nodes make only where somebody wants them. */
const FACTS_OF_NODES = ["sent", "received", "answered"] as const satisfies readonly Fact["kind"][];

/**
 * Plays a scenario on real `hana serve` processes in network namespaces, in real time, and judges it.
 * Rejects with `unsupported` on anything but Linux, `network-unusable` without root or where namespaces cannot be made,
 * `config` for a scenario that names an invariant or a metric that nobody knows.
 */
export async function runReal(scenario: Scenario, options: RealOptions): Promise<RunResult> {
  const missing = whyNoNamespaces();
  if (missing !== null) throw missing;
  const network = await RealNetwork.create();
  const run = new Rehearsal(scenario, options, network, denoPlatform());
  try {
    return await run.play();
  } finally {
    await run.end();
    await network.remove();
  }
}

class Rehearsal {
  readonly #bus: FactBus;
  readonly #ground: RealGround;
  readonly #stations = new Map<string, RealStation>();
  readonly #faults: Faults;
  readonly #observers: RunObserver[] = [];
  readonly #sorter = new FactSorter((fact) => this.#tellLate(fact));
  readonly #violations: Violation[] = [];
  readonly #perRule = new Map<string, number>();
  readonly #claims = new Map<string, number>();
  /** The last number of every flow: a sender that comes back goes on from there. */
  readonly #numbers = new Map<string, number>();
  readonly #timers = new Set<number>();
  readonly #over = Promise.withResolvers<void>();
  #watching: Watching | null = null;
  #oracle: RealOracle | null = null;
  #zeroMs = 0;
  #phase: Oracle["phase"] = "warmup";
  #facts = 0;
  /** The time of the fact that is told; null while none is told late. */
  #toldUs: number | null = null;
  #notWarm: string | null = null;
  #cutShort: string | null = null;
  /** It ends; facts are told until it has. */
  #isEnding = false;
  #isDone = false;
  #isWhole = false;
  #failure: HanaError | null = null;

  constructor(
    private readonly scenario: Scenario,
    private readonly options: RealOptions,
    private readonly network: RealNetwork,
    private readonly platform: Platform,
  ) {
    this.#bus = new FactBus(options.onFact ?? null, false);
    this.#ground = new RealGround({
      scenario,
      seed: options.seed,
      network,
      nowUs: () => this.#nowUs(),
      at: (atUs, run) => this.#at(atUs, run),
      onImpairments: (host) => this.#onHost(host, (station) => station.tellImpairments()),
      onFrozen: (host, isFrozen) => this.#onHost(host, (station) => station.freeze(isFrozen)),
      onFailure: (error) => this.#fail(error),
    });
    this.#faults = new Faults({
      scenario,
      ground: this.#ground,
      stations: this.#stations,
      tell: (fact) => this.#tell(fact),
    });
  }

  async play(): Promise<RunResult> {
    const { scenario, options } = this;
    // A mistake in the scenario must not cost the wait for processes.
    const definitions = selectObservers(scenario, OBSERVERS);
    options.onProgress?.(`${scenario.nodes.length} nodes on ${this.#hostNames().length} hosts`);
    const watching = this.#watching = await Watching.start(
      this.platform,
      () => this.#nowUs(),
      (change) => this.#onView(change),
    );
    const oracle = this.#oracle = new RealOracle({
      scenario,
      ground: this.#ground,
      stations: this.#stations,
      watching,
      nowUs: () => this.#toldUs ?? this.#nowUs(),
      phase: () => this.#phase,
      wasStalled: (host, withinUs) => this.#faults.wasStalled(host, withinUs),
    });
    for (const definition of definitions) {
      const observer = definition.create({
        scenario,
        seed: options.seed,
        oracle,
        violate: (violation) => this.#violate(violation),
        claim: (name) => this.#claim(name),
      });
      this.#observers.push(observer);
      this.#bus.add(observer);
    }
    await this.#ground.build();
    this.#makeStations(watching);
    await this.#prepare();
    if (options.signal?.aborted === true) this.#finish("interrupted");
    options.signal?.addEventListener("abort", () => this.#finish("interrupted"), { once: true });
    this.#begin();
    await this.#over.promise;
    if (this.#failure !== null) throw this.#failure;
    return this.#result();
  }

  /** Ends everything that runs. */
  async end(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#ground.settled();
    await this.#watching?.stop();
    await Promise.all(Array.from(this.#stations.values(), (station) => station.end()));
  }

  #makeStations(watching: Watching): void {
    const { directory } = this.network;
    const keyFiles = new Map<number, string>();
    const program = hanaProgram();
    const { timeline } = this.scenario;
    // Who may come back gets its next process ready as soon as it is gone.
    const comesBack = timeline.some(({ action, forUs }) =>
      action.verb === "start" || action.verb === "restart" || forUs !== undefined
    );
    for (const plan of this.scenario.nodes) {
      let keyFile: string | null = null;
      if (plan.key !== null) {
        keyFile = keyFiles.get(plan.key) ?? `${directory}/key${plan.key}`;
        if (!keyFiles.has(plan.key)) saveKeyRing(this.platform.files, keyFile, keyRingOf(plan.key));
        keyFiles.set(plan.key, keyFile);
      }
      const host = this.#hostNames().indexOf(plan.host);
      this.#stations.set(
        plan.name,
        new RealStation({
          plan,
          index: this.#stations.size,
          host: this.#ground.realHost(plan.host),
          stateDirectory: `${directory}/s${host}`,
          runDirectory: `${directory}/r${host}`,
          keyFile,
          program,
          platform: this.platform,
          watching,
          nowUs: () => this.#nowUs(),
          tell: (fact) => this.#tell(fact),
          onNodeFact: (fact) => {
            if (fact.kind === "sent") {
              this.#numbers.set(`${fact.traffic}/${fact.from}/${fact.to}`, fact.number);
            }
            this.#sorter.add(fact);
          },
          onFates: (fate, times) => {
            for (let i = 0; i < times; i++) this.#claim(`frames_${fate}`);
          },
          station: (name) => this.#stations.get(name) ?? null,
          onId: (name, id) => this.#oracle?.noteId(name, id),
          onUp: (name, processId, local) => this.options.onUp?.(name, processId, local),
          impairments: () => this.#ground.isImpaired ? this.#ground.impairmentsOf(plan.host) : null,
          part: (self) => this.#part(self),
          mayReturn: () => comesBack && this.#phase !== "quiet" && !this.#isEnding,
        }),
      );
    }
  }

  /** What a node has to play from now on. */
  #part(self: string): Part {
    const { scenario, options } = this;
    const ids: Record<string, NodeId> = {};
    const doors: Record<string, string> = {};
    for (const station of this.#stations.values()) {
      if (station.lastId !== null) ids[station.name] = station.lastId;
      if (station.door !== null) doors[station.name] = station.door;
    }
    return {
      self,
      scenario,
      seed: options.seed,
      zeroMs: performance.timeOrigin + this.#zeroMs,
      ids,
      doors,
      numbers: Object.fromEntries(this.#numbers),
      wanted: FACTS_OF_NODES.filter((kind) => this.#bus.isWanted(kind)),
    };
  }

  /** Loads all processes, a few at a time. */
  async #prepare(): Promise<void> {
    for (const station of this.#stations.values()) station.layIdentity();
    const left = [...this.#stations.values()];
    let done = 0;
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        if (this.options.signal?.aborted === true) return;
        await next.prepare();
        this.options.onProgress?.(`${++done} of ${this.#stations.size} nodes are ready to start`);
      }
    };
    await Promise.all(Array.from({ length: PREPARED_AT_ONCE }, work));
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }

  #begin(): void {
    const { scenario } = this;
    const { durationUs, quietUs, warmupUs } = scenario;
    this.#zeroMs = performance.now();
    for (const { name, startUs } of scenario.nodes) {
      if (startUs !== null) this.#at(startUs, () => this.#stations.get(name)?.start());
    }
    this.#at(warmupUs, () => this.#endWarmup());
    this.#faults.schedule();
    if (quietUs > 0) this.#at(durationUs - quietUs, () => this.#beginQuiet());
    this.#at(durationUs, () => {
      this.#isWhole = true;
      this.#finish(null);
    });
    const sorting = setInterval(() => this.#sorter.release(this.#nowUs()), SORT_MS);
    const ticker = setInterval(() => {
      this.#guard(() => {
        for (const observer of this.#observers) observer.onTick?.(this.#nowUs());
      });
    }, TICK_MS);
    void this.#over.promise.then(() => {
      clearInterval(ticker);
      clearInterval(sorting);
    });
  }

  #nowUs(): number {
    return this.#zeroMs === 0 ? 0 : Math.floor((performance.now() - this.#zeroMs) * 1000);
  }

  #at(atUs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (!this.#isEnding) this.#guard(run);
    }, Math.max(0, (atUs - this.#nowUs()) / 1000));
    this.#timers.add(timer);
  }

  #finish(why: string | null): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#cutShort = why;
    this.#sorter.release();
    this.#tell({ kind: "phase", atUs: this.#nowUs(), phase: "end" });
    this.#isDone = true;
    this.#over.resolve();
  }

  #fail(error: HanaError): void {
    this.#failure ??= error;
    this.#finish(error.message);
  }

  #endWarmup(): void {
    this.#phase = "active";
    const oracle = this.#oracle;
    if (oracle === null) return;
    const missing: string[] = [];
    for (const a of oracle.nodes) {
      if (!oracle.isUp(a)) continue;
      for (const b of oracle.nodes) {
        if (a === b || !oracle.isUp(b) || !oracle.sharesMesh(a, b)) continue;
        if (!oracle.canTalk(a, b) || !oracle.canTalk(b, a)) continue;
        if (oracle.view(a).get(b)?.state !== "alive") missing.push(`${a} misses ${b}`);
      }
    }
    this.#tell({ kind: "phase", atUs: this.#nowUs(), phase: "warm" });
    if (missing.length === 0) return;
    const shown = missing.slice(0, 8).join(", ");
    const more = missing.length > 8 ? ` and ${missing.length - 8} more` : "";
    this.#notWarm = `not everybody had met by the end of the warm-up: ${shown}${more}`;
    this.#finish(this.#notWarm);
  }

  #beginQuiet(): void {
    this.#phase = "quiet";
    this.#faults.endForQuiet();
    this.#tell({ kind: "phase", atUs: this.#nowUs(), phase: "quiet" });
  }

  #onView({ observer, id, op, before, listed }: ViewChange): void {
    const subject = this.#oracle?.nameOf(id) ?? null;
    if (subject !== null && listed.state === "alive" && op !== "remove") {
      this.#stations.get(subject)?.noteListed();
    }
    this.#tell({
      kind: "view",
      atUs: this.#nowUs(),
      observer,
      subject,
      id: id as NodeId,
      op,
      state: listed.state,
      before,
      incarnation: listed.incarnation,
      listedName: listed.name,
    });
  }

  #tell(fact: Fact): void {
    if (this.#isDone && fact.kind !== "violation") return;
    this.#facts++;
    this.#guard(() => this.#bus.tell(fact));
  }

  /** Observers see what a node says of itself at the time at which it happened. */
  #tellLate(fact: Fact): void {
    this.#toldUs = fact.atUs;
    this.#tell(fact);
    this.#toldUs = null;
  }

  /** What an observer lets out is a bug, and ends the run: nobody above could catch it. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(
        thrown instanceof HanaError
          ? thrown
          : new HanaError("internal", { what: "the rehearsal", why: String(thrown), cause: thrown }),
      );
    }
  }

  #violate(violation: Omit<Violation, "atUs">): void {
    const times = (this.#perRule.get(violation.id) ?? 0) + 1;
    this.#perRule.set(violation.id, times);
    if (times > MAX_VIOLATIONS_PER_RULE) return;
    const complete = { ...violation, atUs: this.#nowUs() };
    this.#violations.push(complete);
    this.#tell({ kind: "violation", atUs: complete.atUs, violation: complete });
    if (this.options.stopAtFirst === true) this.#finish(null);
  }

  #claim(claim: string): void {
    this.#claims.set(claim, (this.#claims.get(claim) ?? 0) + 1);
    if (this.#bus.isWanted("claim")) this.#tell({ kind: "claim", atUs: this.#nowUs(), claim });
  }

  #result(): RunResult {
    const { scenario, options } = this;
    const nowUs = this.#nowUs();
    const metrics: Record<string, MetricValue> = {};
    // Nobody taps the frames of a real network: what counts them has measured nothing, not zero.
    for (const observer of this.#observers) {
      if (observer.onFrame === undefined) Object.assign(metrics, observer.finish?.() ?? {});
    }
    metrics["events"] = { unit: "count", count: 1, value: this.#facts };
    // Bounds are on whole runs: what was stopped half-way has neither kept nor broken them.
    const judged = this.#isWhole
      ? judgeMetrics(scenario.expect.metrics, metrics, nowUs)
      : { violations: [], unmeasured: [] };
    for (const violation of judged.violations) this.#violate(violation);
    const claims = judgeClaims(scenario, this.#claims);
    const decided = decide({
      violations: this.#violations,
      claims,
      unmeasured: judged.unmeasured,
      notWarm: this.#notWarm,
      cutShort: this.#cutShort,
    });
    const unplayed = whatCannotBePlayed(scenario);
    const isDoubtful = decided.verdict === "pass" && unplayed.length > 0;
    return {
      scenario: scenario.name,
      hash: hashScenario(scenario),
      seed: options.seed,
      software: options.software,
      simulatedUs: nowUs,
      events: this.#facts,
      // Reality is never the same twice: there is nothing to compare.
      digest: "",
      metrics,
      violations: this.#violations,
      claims,
      verdict: isDoubtful ? "inconclusive" : decided.verdict,
      reason: decided.reason ?? (unplayed.length > 0 ? `not played for real: ${unplayed.join("; ")}` : null),
    };
  }

  #onHost(host: string, run: (station: RealStation) => void): void {
    for (const station of this.#stations.values()) if (station.plan.host === host) run(station);
  }

  #hostNames(): string[] {
    return [...new Set(this.scenario.nodes.map(({ host }) => host))];
  }
}

/** Parts of a scenario that real processes cannot play, each with its reason. */
export function whatCannotBePlayed(scenario: Scenario): string[] {
  const reasons = new Set<string>();
  for (const { action } of scenario.timeline) {
    if (action.verb === "restart" && action.software !== undefined) {
      reasons.add(`restart as ${action.software} (there is one program, of one version)`);
    }
  }
  if (scenario.programs !== undefined) reasons.add("programs (they are scripts of simulated machines)");
  for (const tag of scenario.tags) {
    if (tag.startsWith("planted-bug:")) {
      reasons.add(`the ${tag.replace(":", " ")} (the program is the one that ships)`);
    }
  }
  return [...reasons];
}
