// The inside of a rehearsed node: `hana serve` with HANA_REHEARSAL=stdin is prepared, waits for its cue, is told on
// stdin how its network, its clock and its speed go wrong and what to send, and reports on stdout what it lives through.
// Decides the lines of that channel. Loaded by nothing but a rehearsal, and ends when the one who holds it does.

import type { NodeId } from "../../../lib/base/mod.ts";
import type { Node } from "../../../lib/node/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { loadSessionSuite } from "../../../lib/security/mod.ts";
import type { Fact, Gauge, LinkSpec, Scenario } from "../../../lib/simulate/mod.ts";
import type { ImpairedPlatform } from "./impaired_platform.ts";
import type { Performer } from "./performer.ts";

/** The variable that makes a node wait for its cue. */
export const REHEARSAL_VARIABLE = "HANA_REHEARSAL";
const SCHEMA = "hana.rehearsal/1";

/** How a wall clock goes wrong. Moments are milliseconds since 1970 on the clock that is right. */
export interface ClockFault {
  readonly offsetMs: number;
  readonly drift: { readonly ppm: number; readonly sinceMs: number } | null;
  readonly sine: { readonly amplitudeMs: number; readonly periodUs: number; readonly sinceMs: number } | null;
}

/** What goes wrong at one node. It replaces what was said before. */
export interface Impairments {
  readonly seed: number;
  /** The host on which the node runs. */
  readonly self: string;
  /** Which host has an address. Datagrams from elsewhere pass. */
  readonly hosts: Readonly<Record<string, string>>;
  /** How what comes from a host fares; from hosts that are not named it passes. */
  readonly from: Readonly<Record<string, LinkSpec>>;
  /** What comes from these hosts is held until they are named no more, then let out in order. */
  readonly clogged: readonly string[];
  /** The share of multicast and broadcast from a host that is lost. */
  readonly groupLoss: Readonly<Record<string, number>>;
  /** Every callback takes this much longer. */
  readonly slowUs: number;
  readonly clock: ClockFault | null;
}

/** The part that a node plays. */
export interface Part {
  readonly self: string;
  readonly scenario: Scenario;
  readonly seed: number;
  /** When the run began, in milliseconds since 1970 as `performance.timeOrigin` counts them. */
  readonly zeroMs: number;
  /** The ids of all nodes. */
  readonly ids: Readonly<Record<string, NodeId>>;
  /** Where strangers may be knocked at: they know nobody by name. */
  readonly doors: Readonly<Record<string, string>>;
  /** The last number that each flow of this node has sent, by `traffic/from/to`. */
  readonly numbers: Readonly<Record<string, number>>;
  readonly wanted: readonly Fact["kind"][];
}

/** A line on stdin. */
export type Cue =
  | { readonly cue: "start"; readonly part: Part }
  | { readonly cue: "impair"; readonly impairments: Impairments };

/** Datagrams to which something happened inside a process, as counts since it began. */
export interface Fates {
  lost: number;
  corrupted: number;
  duplicated: number;
}

/** What a node holds, now and then. */
export interface Sample {
  readonly fates: Fates | null;
  readonly gauges: readonly Gauge[];
  readonly sentBytes: number | null;
}

/** A line on stdout, beside those that hana itself writes. */
export type Report =
  | { readonly schema: typeof SCHEMA; readonly prepared: true }
  | { readonly schema: typeof SCHEMA; readonly fact: Fact }
  | { readonly schema: typeof SCHEMA; readonly sample: Sample };

/** Reads a line of stdout; null for what hana itself wrote. */
export function readReport(line: string): Report | null {
  const value = JSON.parse(line) as { readonly schema?: unknown };
  return value.schema === SCHEMA ? value as Report : null;
}

/** One process of a rehearsal. */
export class Rehearsal {
  #performer: Performer | null = null;

  /** The machine on which the node performs. */
  readonly platform: Platform;

  /**
   * Says that everything is loaded and waits for the cue. The machine is the real one as it is, unless something was
   * said to go wrong with it before the cue.
   */
  static async open(real: Platform): Promise<Rehearsal> {
    const started = Promise.withResolvers<Part>();
    let impaired: Promise<ImpairedPlatform> | null = null;
    void readCues((cue) => {
      if (cue.cue === "start") return started.resolve(cue.part);
      // Loads the simulator's links: only for who needs them.
      impaired ??= import("./impaired_platform.ts").then((room) => room.impairPlatform(real));
      void impaired.then(({ impair }) => impair(cue.impairments));
    });
    const [{ Performer }] = await Promise.all([import("./performer.ts"), loadSessionSuite()]);
    say({ schema: SCHEMA, prepared: true });
    const part = await started.promise;
    const wrapped = impaired as Promise<ImpairedPlatform> | null;
    const rehearsal = new Rehearsal(wrapped === null ? real : (await wrapped).platform);
    const fates = wrapped === null ? null : (await wrapped).fates;
    rehearsal.#performer = new Performer(part, rehearsal.platform, {
      fates,
      // At once and synchronously: a process that is killed has said what others may have heard from it.
      tell: (fact) => say({ schema: SCHEMA, fact }),
      sample: (sample) => say({ schema: SCHEMA, sample }),
    });
    return rehearsal;
  }

  private constructor(platform: Platform) {
    this.platform = platform;
  }

  /** The node has started. */
  onNode(node: Node): void {
    this.#performer?.onNode(node);
  }

  /** The node is about to stop. */
  onStop(): void {
    this.#performer?.onStop();
  }
}

function say(report: Report): void {
  const bytes = new TextEncoder().encode(JSON.stringify(report) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** Whoever holds the other end of stdin is gone when it ends, and nobody is left to end this process. */
async function readCues(onCue: (cue: Cue) => void): Promise<never> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of Deno.stdin.readable) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) onCue(JSON.parse(line) as Cue);
  }
  Deno.exit(143);
}
