// Ends what a lost shim left behind: every process that carries the mark of its program, and what descends from those.
// Decides nothing of whom (lib/supervision/tree does); looks, signals and waits as that says.

import type { Platform, ProcessFacts, ProcessIdentity } from "../../platform/mod.ts";
import { TreeKill } from "../tree/mod.ts";

/** The variable that marks every process of a program. */
export const MARK = "HANA_INSTANCE";

/** What is known of a lost shim's program. */
export interface LostTree {
  readonly token: string;
  /** The shim, which started before everything that it started; null where it is not known. */
  readonly shim: ProcessIdentity | null;
  readonly keepChildren: readonly string[];
}

/** What a sweep found. */
export interface Swept {
  /** Processes that were there when it began. */
  readonly found: readonly ProcessFacts[];
  /** Those that could not be ended. */
  readonly survivors: readonly ProcessFacts[];
}

/** All that is left of a program: who carries its mark, and all that descend from them. */
export function remainsOf({ processTable }: Platform, token: string): ProcessFacts[] {
  const marked = processTable.marked(MARK, token);
  if (marked.length === 0) return marked;
  const seen = new Set(marked.map(({ processId }) => processId));
  const below = processTable.descendants([...seen]).filter(({ processId }) => !seen.has(processId));
  return [...marked, ...below];
}

/** Ends what is left of a program whose shim is gone. Resolves when nothing is, or when what is left cannot be ended. */
export function sweep(platform: Platform, tree: LostTree): Promise<Swept> {
  const { clock, timers, processTable } = platform;
  const found = remainsOf(platform, tree.token).filter(({ state }) => state !== "zombie");
  if (found.length === 0) return Promise.resolve({ found, survivors: [] });
  const kill = new TreeKill({
    leader: null,
    notBefore: tree.shim?.startedAt ?? 0,
    self: processTable.self,
    graceUs: 0,
    keepChildren: tree.keepChildren,
    adopts: false,
  });
  const { promise, resolve } = Promise.withResolvers<Swept>();
  const perform = (first: ReturnType<TreeKill["begin"]>): void => {
    const effects = [...first];
    for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
      if (effect.do === "signal") {
        for (const member of effect.members) processTable.signal(member, effect.signal);
      } else if (effect.do === "scan") {
        effects.push(...kill.handleScan(clock.nowUs(), remainsOf(platform, tree.token)));
      } else if (effect.do === "empty") return resolve({ found, survivors: [] });
      else if (effect.do === "survivors") return resolve({ found, survivors: [...effect.members] });
    }
    const next = kill.deadline();
    if (next !== null) timers.schedule(next.atUs, () => perform(kill.handleDeadline(clock.nowUs())));
  };
  perform(kill.begin(clock.nowUs(), "sweep"));
  return promise;
}
