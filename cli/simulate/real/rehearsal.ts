// The inside of a rehearsed node: `hana serve` with HANA_REHEARSAL=stdin is prepared, waits for its cue, and is told
// on stdin how its network, its clock and its speed go wrong. Decides the lines of that control channel; how things
// go wrong is impaired_platform.ts. Loaded by nothing but a rehearsal, and ends when the one who holds it does.

import type { LinkSpec } from "../../../lib/simulate/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { loadSessionSuite } from "../../../lib/security/mod.ts";
import type { ImpairedPlatform } from "./impaired_platform.ts";

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

/** A line on stdin. */
export type Cue = { readonly cue: "start" } | { readonly cue: "impair"; readonly impairments: Impairments };

/** What a prepared node says on stdout. */
export const PREPARED_LINE = JSON.stringify({ schema: SCHEMA, state: "prepared" });

/**
 * Says that everything is loaded, waits for the cue, and returns the machine as it is to be seen: as it is, unless
 * something was said to go wrong with it before the cue.
 */
export async function rehearsedPlatform(real: Platform): Promise<Platform> {
  const started = Promise.withResolvers<void>();
  let impaired: Promise<ImpairedPlatform> | null = null;
  void readCues((cue) => {
    if (cue.cue === "start") return started.resolve();
    // Loads the simulator's links: only for who needs them.
    impaired ??= import("./impaired_platform.ts").then((room) => room.impairPlatform(real));
    void impaired.then(({ impair }) => impair(cue.impairments));
  });
  await loadSessionSuite();
  Deno.stdout.writeSync(new TextEncoder().encode(PREPARED_LINE + "\n"));
  await started.promise;
  const wrapped = impaired as Promise<ImpairedPlatform> | null;
  return wrapped === null ? real : (await wrapped).platform;
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
