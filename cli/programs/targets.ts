// The programs that a command was told, found on their nodes, with what went wrong for each that was not.
// Decides when a command goes on without some of them: when others were found.

import { HanaError, toHanaError } from "../../lib/base/mod.ts";
import { checkOp } from "./op.ts";
import type { Found, Hosts } from "./hosts.ts";
import { parseAddress } from "./names.ts";
import type { Outcome } from "./outcomes.ts";

/** Programs that were found, and outcomes of those that were not. */
export interface Targets {
  readonly found: readonly Found[];
  readonly lost: readonly Outcome[];
}

/** Finds every program. Throws when the call itself is wrong, or the only one is not to be found. */
export async function findTargets(hosts: Hosts, names: readonly string[], command: string): Promise<Targets> {
  const addresses = [...new Set(names)].map((name) => ({ text: name, address: parseAddress(name, command) }));
  const found: Found[] = [];
  const lost: Outcome[] = [];
  await Promise.all(addresses.map(async ({ text, address }) => {
    try {
      const target = await hosts.find(address, command);
      const isTwice = found.some(({ host, program }) =>
        host.id === target.host.id && program.name === target.program.name
      );
      if (!isTwice) found.push(target);
    } catch (thrown) {
      const error = toHanaError(thrown, "unreachable", `${text} cannot be found`);
      if (error.code === "usage" || addresses.length === 1) throw error;
      lost.push({
        name: address.name,
        node: address.node ?? "?",
        outcome: "error",
        words: "not found",
        program: null,
        error,
        replayed: false,
        durable: true,
      });
    }
  }));
  return { found, lost };
}

/** `--op` names one demand: more than one program would share its answer. Throws `usage`. */
export function opFor(op: string | undefined, count: number): string | undefined {
  if (op === undefined) return undefined;
  checkOp(op);
  if (count <= 1) return op;
  throw new HanaError("usage", {
    what: "--op with several programs",
    why: "it names one demand, and each program gets one of its own",
    hint: "without --op",
  });
}
