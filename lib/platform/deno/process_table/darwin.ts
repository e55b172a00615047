// The processes of a Mac, out of `ps`: its own calls for this take structures that change with every release.
// NOT RUN on a Mac so far: the text is read by tested code, the calls are written from the manual of ps(1).
// Decides that a signal is sent right after a look at who has the number; there is no handle that would close the gap.
// Orphans go to launchd, so only marks find them, and start times are whole seconds.

import type { ProcessFacts, ProcessIdentity, ProcessSignal, ProcessTable } from "../../mod.ts";
import { familyOf } from "./family.ts";
import { ENVIRONMENT_COLUMNS, parseMarked, parseProcesses, PROCESS_COLUMNS } from "./ps_text.ts";

const PS = "/bin/ps";
const SYSCTL = "/usr/sbin/sysctl";

function textOf(program: string, args: string[]): string {
  try {
    // The zone and the language of whoever started us must not change what is printed.
    const env = { LC_ALL: "C", TZ: "UTC" };
    const { stdout } = new Deno.Command(program, { args, env, stdin: "null", stderr: "null" }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return "";
  }
}

/** The table of a Mac. */
export class DarwinProcessTable implements ProcessTable {
  #bootId: string | null = null;
  #self: ProcessIdentity | null = null;

  get bootId(): string {
    return this.#bootId ??= textOf(SYSCTL, ["-n", "kern.bootsessionuuid"]).trim();
  }

  get self(): ProcessIdentity {
    return this.#self ??= { processId: Deno.pid, startedAt: this.inspect(Deno.pid)?.startedAt ?? 0 };
  }

  inspect(processId: number): ProcessFacts | null {
    if (!Number.isSafeInteger(processId) || processId < 1) return null;
    const text = textOf(PS, ["-ww", "-o", PROCESS_COLUMNS, "-p", String(processId)]);
    return parseProcesses(text).find((facts) => facts.processId === processId) ?? null;
  }

  descendants(of: readonly number[]): ProcessFacts[] {
    return familyOf(this.#all(), of);
  }

  marked(name: string, value: string): ProcessFacts[] {
    const text = textOf(PS, ["-axwwE", "-o", ENVIRONMENT_COLUMNS]);
    const numbers = new Set(parseMarked(text, name, value));
    if (numbers.size === 0) return [];
    return this.#all().filter(({ processId, state }) => state !== "zombie" && numbers.has(processId));
  }

  signal({ processId, startedAt }: ProcessIdentity, signal: ProcessSignal): boolean {
    const facts = this.inspect(processId);
    if (facts === null || facts.startedAt !== startedAt || facts.state === "zombie") return false;
    try {
      Deno.kill(processId, signal);
      return true;
    } catch {
      return false;
    }
  }

  adoptOrphans(): boolean {
    return false;
  }

  reapOrphans(): number {
    return 0;
  }

  // `ps` lists itself, a child of ours that is gone by now.
  #all(): ProcessFacts[] {
    return parseProcesses(textOf(PS, ["-axww", "-o", PROCESS_COLUMNS]))
      .filter(({ parentId, name }) => parentId !== Deno.pid || name !== "ps");
  }
}
