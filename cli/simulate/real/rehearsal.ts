// The inside of a rehearsed node: `hana serve` with HANA_REHEARSAL=stdin is prepared, waits for its cue, is told on
// stdin how its network, its clock and its speed go wrong and what to send, and reports on stdout what it lives through.
// Decides the order of that: loaded, said so, cue, performing. The lines themselves are in channel.ts. Loaded by nothing
// but a rehearsal, and ends when the one who holds it does.

import type { Node } from "../../../lib/node/mod.ts";
import type { Platform } from "../../../lib/platform/mod.ts";
import { loadSessionSuite } from "../../../lib/security/mod.ts";
import { type Cue, type Part, type Report, SCHEMA } from "./channel.ts";
import type { ImpairedPlatform } from "./impaired_platform.ts";
import type { Performer } from "./performer.ts";

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
