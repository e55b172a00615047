// One node of a scenario through all its lives as real processes: prepared, started, killed, left, back again.
// Decides what happens to the process and how that is told as facts, as lib/simulate/run does for simulated nodes.
// Never decides when, and never judges.

import { type NodeId, toHex } from "../../../lib/base/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { type Fact, type NodePlan } from "../../../lib/simulate/mod.ts";
import type { Fates, Impairments, Part, Sample } from "./channel.ts";
import type { RealHost } from "./namespaces.ts";
import { NodeLife, type Ready } from "./node_process.ts";
import type { Watching } from "./watching.ts";

/** What a station needs of its run. */
export interface StationSurroundings {
  readonly plan: NodePlan;
  /** Its place among the nodes of the scenario. */
  readonly index: number;
  readonly host: RealHost;
  /** Where the host's nodes keep their identities, and where their sockets stand. */
  readonly stateDirectory: string;
  readonly runDirectory: string;
  readonly keyFile: string | null;
  readonly program: readonly string[];
  readonly platform: Platform;
  readonly watching: Watching;
  nowUs(): number;
  tell(fact: Fact): void;
  /** What a node says of itself; it comes a little late. */
  onNodeFact(fact: Fact): void;
  /** Datagrams met this fate inside the node's process. */
  onFates(fate: keyof Fates, times: number): void;
  station(name: string): RealStation | null;
  /** A life has begun, or is about to begin, under this id. */
  onId(name: string, id: NodeId): void;
  /** A life can be reached at this local address. */
  onUp(name: string, processId: number, local: string): void;
  /** What goes wrong at this node now; null when nothing ever will. */
  impairments(): Impairments | null;
  /** What the node has to play from now on. */
  part(self: string): Part;
  /** Whether a life that ends may be followed by another: then one is prepared. */
  mayReturn(): boolean;
}

/** A goodbye is heard within milliseconds, and starting a process takes some from everybody. */
const PREPARE_AFTER_MS = 300;

/** For numbering: more lives, and more sessions in one of them, than any rehearsal has. */
const MAX_LIVES = 10_000;
const MAX_SESSIONS = 1_000_000;

const FATES = ["lost", "corrupted", "duplicated"] as const satisfies readonly (keyof Fates)[];

/** Bytes of an id. */
const ID_BYTES = 16;

/** A node of the scenario. */
export class RealStation {
  readonly #around: StationSurroundings;
  #life: NodeLife | null = null;
  #standby: NodeLife | null = null;
  #state: "down" | "starting" | "up" | "leaving" = "down";
  #sinceUs = 0;
  #startedUs = 0;
  #lives = 0;
  #id: NodeId | null = null;
  #name: string | null = null;
  #isTold = false;
  #preparation: number | undefined;
  #sample: Sample | null = null;
  #door: string | null = null;

  constructor(around: StationSurroundings) {
    this.#around = around;
  }

  get plan(): NodePlan {
    return this.#around.plan;
  }
  get name(): string {
    return this.plan.name;
  }
  get isUp(): boolean {
    return this.#state === "up";
  }
  /** Whether a process of it runs, ready or not. */
  get isRunning(): boolean {
    return this.#state !== "down";
  }
  /** Since when it is up or not. */
  get sinceUs(): number {
    return this.#sinceUs;
  }
  /** Its id, or that of its last life. */
  get lastId(): NodeId | null {
    return this.#id;
  }
  /** Its id while it is up. */
  get id(): NodeId | null {
    return this.isUp ? this.#id : null;
  }
  /** What it said last of what it holds; null while it is down. */
  get sample(): Sample | null {
    return this.isUp ? this.#sample : null;
  }
  /** Where it can be knocked at over the network, or could in its last life. */
  get door(): string | null {
    return this.#door;
  }
  /** The name that it goes by while it is up. */
  get currentName(): string | null {
    return this.isUp ? this.#name : null;
  }

  /** Gives it the id of its first life, so that whoever lists it first can be understood at once. */
  layIdentity(): void {
    const { platform, plan, station, onId } = this.#around;
    const path = this.#identityPath();
    const original = plan.cloneOf === undefined || this.#lives > 1 ? null : station(plan.cloneOf);
    const copied = original?.identityBytes() ?? null;
    if (copied !== null) this.#writeIdentity(path, copied);
    else if (platform.files.read(path) === null) {
      const id = toHex(platform.random.stream("rehearsal/id").fill(new Uint8Array(ID_BYTES))) as NodeId;
      const text = JSON.stringify({ schema: "hana.identity/1", id, incarnation: 0 }) + "\n";
      this.#writeIdentity(path, new TextEncoder().encode(text));
    }
    this.#id = this.#readIdentity()?.id ?? null;
    if (this.#id !== null) onId(this.name, this.#id);
  }

  /** Loads a process that waits for its cue, so that starting takes no longer than it does in a simulation. */
  async prepare(): Promise<void> {
    this.#standby ??= this.#spawn();
    await this.#standby.prepared();
  }

  /** Starts the node; nothing happens when it runs already. */
  start(): void {
    if (this.#state !== "down") return;
    this.#state = "starting";
    this.#startedUs = this.#around.nowUs();
    this.#lives++;
    this.#isTold = false;
    this.layIdentity();
    const life = this.#life = this.#standby ?? this.#spawn();
    this.#standby = null;
    this.tellImpairments();
    life.start(this.#around.part(this.name));
  }

  /** SIGKILL. */
  crash(): void {
    if (this.#state === "down") return;
    this.#life?.signal("SIGKILL");
    this.#down("crash");
  }

  /** SIGKILL as well: the disk is that of this machine and keeps what was written. */
  losePower(): void {
    if (this.#state === "down") return;
    this.#life?.signal("SIGKILL");
    this.#down("power-loss");
  }

  /** SIGTERM; `then` runs when the process is gone. */
  leave(then: () => void = () => {}): void {
    const life = this.#life;
    if (this.#state !== "up" || life === null) {
      this.crash();
      then();
      return;
    }
    this.#state = "leaving";
    this.#sinceUs = this.#around.nowUs();
    life.signal("SIGTERM");
    this.#around.tell({ kind: "node-stopped", atUs: this.#sinceUs, node: this.name, how: "leave" });
    this.#prepareLater();
    void life.ended.then(then);
  }

  /** Leaves, if it is there, and comes back. */
  restart(): void {
    this.prepare().catch(() => {});
    this.leave(() => this.start());
  }

  /** SIGSTOP and SIGCONT. */
  freeze(isFrozen: boolean): void {
    this.#life?.signal(isFrozen ? "SIGSTOP" : "SIGCONT");
  }

  /** Tells the present life what goes wrong with it now. */
  tellImpairments(): void {
    const impairments = this.#around.impairments();
    if (impairments !== null) this.#life?.impair(impairments);
  }

  /**
   * Somebody lists this node although its own word has not come yet: then its life has begun all the same.
   * What others say of it must not be told before.
   */
  noteListed(): void {
    if (this.#state === "starting") this.#tellStarted();
  }

  /** Ends whatever runs. */
  async end(): Promise<void> {
    clearTimeout(this.#preparation);
    const lives = [this.#life, this.#standby].filter((life) => life !== null);
    // From here on nothing that ends is told or followed by anything.
    this.#life = null;
    this.#standby = null;
    this.#around.watching.detach(this.name);
    for (const life of lives) {
      life.signal("SIGKILL");
      life.signal("SIGCONT");
    }
    await Promise.all(lives.map((life) => life.ended));
  }

  #spawn(): NodeLife {
    const { plan, host, stateDirectory, runDirectory, keyFile, program } = this.#around;
    const life: NodeLife = new NodeLife({
      host,
      program,
      args: [
        ...["--ndjson", "--log-level", "warn", "--role", plan.role, "--name", plan.wantedName ?? plan.name],
        ...["--state-dir", stateDirectory, "--run-dir", runDirectory],
        // Simulated machines tell nothing of themselves either, so that both send the same.
        ...["--hardware", "off"],
        ...["--key-file", keyFile ?? `${stateDirectory}/no-key`],
        ...Object.entries(plan.tags).flatMap(([key, value]) => ["--tag", `${key}=${value}`]),
        ...plan.seeds.flatMap((seed) => ["--peer", seed]),
      ],
      environment: environmentFor(stateDirectory),
    }, {
      onReady: (ready) => {
        if (this.#life === life) this.#onReady(ready, life.processId);
      },
      onFact: (fact) => {
        if (this.#life === life) this.#onFact(fact);
      },
      onSample: (sample) => {
        if (this.#life === life) this.#onSample(sample);
      },
      onEnd: (code) => {
        if (this.#life === life) this.#onEnd(life, code);
        if (this.#standby === life) this.#standby = null;
      },
    });
    return life;
  }

  #onReady({ id, name, addresses }: Ready, processId: number): void {
    const { nowUs, tell, watching, onId, onUp } = this.#around;
    // A new id under way: `hana serve` has ended its node and started it anew.
    if (this.#state === "up") {
      tell({ kind: "node-stopped", atUs: nowUs(), node: this.name, how: "failed", why: "id conflict" });
      this.#startedUs = nowUs();
      this.#isTold = false;
    }
    if (this.#state === "leaving") return;
    this.#id = id;
    this.#name = name;
    onId(this.name, id);
    this.#tellStarted();
    this.#state = "up";
    this.#sinceUs = nowUs();
    tell({ kind: "node-ready", atUs: this.#sinceUs, node: this.name });
    this.#door = addresses.find((address) => address.startsWith("tcp://")) ?? null;
    const local = addresses.find((address) => address.startsWith("unix://"));
    if (local === undefined) return;
    void watching.attach(this.name, local);
    onUp(this.name, processId, local);
  }

  /** Sessions are numbered by each process for itself; here no two have the same number. */
  #onFact(fact: Fact): void {
    const base = (this.#around.index * MAX_LIVES + this.#lives) * MAX_SESSIONS;
    this.#around.onNodeFact(fact.kind === "received" ? { ...fact, session: base + fact.session } : fact);
  }

  #onSample(sample: Sample): void {
    const before = this.#sample?.fates ?? null;
    this.#sample = sample;
    for (const fate of FATES) {
      const times = (sample.fates?.[fate] ?? 0) - (before?.[fate] ?? 0);
      if (times > 0) this.#around.onFates(fate, times);
    }
  }

  #tellStarted(): void {
    if (this.#isTold) return;
    const kept = this.#readIdentity();
    if (kept === null) return;
    this.#isTold = true;
    const { id, incarnation } = kept;
    const atUs = this.#around.nowUs();
    this.#around.tell({ kind: "node-started", atUs, node: this.name, id, incarnation });
  }

  /** Since when the present life runs, in the run's time. */
  get startedUs(): number {
    return this.#startedUs;
  }

  #onEnd(life: NodeLife, code: number): void {
    if (this.#state === "leaving") return this.#forget();
    const why = `it ended by itself with ${code}: ${life.lastWords}`;
    this.#around.tell({ kind: "crash", atUs: this.#around.nowUs(), node: this.name, text: why });
    this.#down("failed", why);
  }

  #down(how: "crash" | "power-loss" | "failed", why?: string): void {
    const isNews = this.#state !== "leaving";
    this.#forget();
    if (isNews) {
      this.#sinceUs = this.#around.nowUs();
      this.#around.tell({
        kind: "node-stopped",
        atUs: this.#sinceUs,
        node: this.name,
        how,
        ...(why === undefined ? {} : { why }),
      });
    }
    this.#prepareLater();
  }

  /** Gets the next process ready, but not in the moment in which others are to notice that this one is gone. */
  #prepareLater(): void {
    clearTimeout(this.#preparation);
    this.#preparation = setTimeout(() => {
      if (this.#around.mayReturn() && (this.#state === "down" || this.#state === "leaving")) {
        this.prepare().catch(() => {});
      }
    }, PREPARE_AFTER_MS);
  }

  #forget(): void {
    this.#state = "down";
    this.#life = null;
    this.#sample = null;
    this.#around.watching.detach(this.name);
  }

  /** Its identity file as it stands; null before its first life. */
  identityBytes(): Uint8Array | null {
    return this.#around.platform.files.read(this.#identityPath());
  }

  #writeIdentity(path: string, bytes: Uint8Array): void {
    const { files } = this.#around.platform;
    files.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o700);
    files.write(path, bytes, 0o600);
  }

  #readIdentity(): { id: NodeId; incarnation: number } | null {
    const bytes = this.identityBytes();
    return bytes === null
      ? null
      : JSON.parse(new TextDecoder().decode(bytes)) as { id: NodeId; incarnation: number };
  }

  #identityPath(): string {
    const { plan, stateDirectory } = this.#around;
    return `${stateDirectory}/nodes/${encodeURIComponent(plan.wantedName ?? plan.name)}/identity.json`;
  }
}

/** The few variables that a process needs; nothing of this machine's hana. */
function environmentFor(home: string): Record<string, string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? ""}/.cache`;
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: home,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${cache}/deno`,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
  };
}
