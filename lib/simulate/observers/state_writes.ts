// Rules about writes to shared state: what was acknowledged stays, everything is answered, nothing happens twice.
// Judged by what apps say and hear, by what hosts do, and by what those who keep copies truly have.

import type { StateValue } from "../../state/mod.ts";
import type { Fact, ObserverDefinition, RunContext, RunObserver } from "../observe.ts";
import type { HeardNews, HostingNews, SaidNews, StateFact } from "../state_facts.ts";
import { seconds } from "./measure.ts";

/** A value that a client wrote. */
interface WrittenValue {
  readonly sequence: number;
  readonly value: StateValue;
  /** When the host took it without an effect: since it came too fast it has its effect a little later. */
  waitsUs: number;
}

/** Values of a path that are remembered although no host is known to have them. */
const MAX_FORMER = 32;

/** What one client wrote, as far as it still matters. */
class Written {
  /** The newest acknowledged as copied. */
  durable = 0;
  /** The newest that was said; what is said again is known, refused or not. */
  said = 0;
  app = "";
  /** Of the host that it follows: what one of another term does is nothing to its writes. */
  term = 0;
  readonly #paths = new Map<string, WrittenValue[]>();
  readonly #momentary = new Set<string>();
  readonly #former = new Map<string, StateValue[]>();

  note(path: string, sequence: number, value: StateValue): void {
    const writes = this.#paths.get(path);
    if (writes === undefined) this.#paths.set(path, [{ sequence, value, waitsUs: -Infinity }]);
    else if ((writes.at(-1)?.sequence ?? 0) < sequence) {
      writes.push({ sequence, value, waitsUs: -Infinity });
      // All but the newest durable one before are over.
      while (writes.length > 1 && (writes[1]?.sequence ?? Infinity) <= this.durable) writes.shift();
    }
  }

  /** Another host: what it does not have is written again, under other numbers. */
  restart(sequence: number): void {
    this.said = sequence;
    for (const [path, writes] of this.#paths) {
      // A copy of the host before may still have them: the one after this one can begin from that.
      const former = this.#former.get(path) ?? [];
      for (const each of writes) if (each.sequence > sequence) former.push(each.value);
      this.#former.set(path, former.slice(-MAX_FORMER));
      this.#paths.set(path, writes.filter((each) => each.sequence <= sequence));
    }
  }

  /** A write that was refused never was. */
  forget(sequence: number, path: string | null): void {
    for (const [name, writes] of this.#paths) {
      if (path !== null && name !== path) continue;
      const at = writes.findIndex((each) => each.sequence === sequence);
      if (at < 0) continue;
      // Where it was refused when its time had come, those that waited before it had been merged into it.
      const waited = (writes[at]?.waitsUs ?? -Infinity) > -Infinity;
      let from = at;
      while (waited && from > 0 && (writes[from - 1]?.waitsUs ?? -Infinity) > -Infinity) from--;
      writes.splice(from, at - from + 1);
    }
  }

  /** The path was taken out of the state, and with it whatever anybody wrote there. */
  noteGone(path: string): void {
    this.#paths.delete(path);
    this.#former.delete(path);
  }

  /** A claim that ends by itself: nobody can tell whether it should be there. */
  noteMomentary(path: string): void {
    this.#momentary.add(path);
  }

  /** A host took a write, with an effect on these paths. */
  noteTook(sequence: number, effects: readonly string[], atUs: number): void {
    for (const [path, writes] of this.#paths) {
      if (effects.includes(path)) continue;
      for (const each of writes) if (each.sequence === sequence) each.waitsUs = atUs;
    }
  }

  /** Values that a path may have of this client, where one of its writes there is durable. */
  *expected(): Generator<[path: string, values: StateValue[]]> {
    for (const [path, writes] of this.#paths) {
      const from = writes.findLastIndex(({ sequence }) => sequence <= this.durable);
      // What waits for its rate dies with its host, acknowledged or not.
      if (from < 0 || this.#momentary.has(path) || (writes[from]?.waitsUs ?? 0) > -Infinity) continue;
      yield [path, [...writes.slice(from).map(({ value }) => value), ...this.#former.get(path) ?? []]];
    }
  }
}

/** A way that has been open for so long can be used by whoever looks for copies. */
const REACHED_US = 1_000_000;

/** What was acknowledged is never lost. */
export const stateAcknowledgedKept: ObserverDefinition = {
  id: "state_acknowledged_kept",
  kind: "safety",
  summary:
    "A write that is acknowledged as copied is with one who keeps a copy, and with the next host wherever one that has it " +
    "can be reached.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    const copied = new Map<string, number>();
    const clients = new Map<number, Written>();
    const fuzzy = new Set<string>();
    const say = (node: string, text: string): void =>
      violate({ id: "state_acknowledged_kept", kind: "safety", nodes: [node], text });

    function writtenBy(client: number): Written {
      let written = clients.get(client);
      if (written === undefined) clients.set(client, written = new Written());
      return written;
    }

    function onHeard(fact: HeardNews & StateFact): void {
      const { client, acknowledged, term, app } = fact;
      if (client === 0) return;
      if (fact.message === "welcome") {
        if (fact.resumed) writtenBy(client).restart(acknowledged?.sequence ?? 0);
        else clients.delete(client);
        writtenBy(client).term = term;
      }
      if (acknowledged === null || acknowledged.single || acknowledged.sequence === 0) return;
      const { sequence } = acknowledged;
      const known = copied.get(`${term} ${client}`) ?? 0;
      if (known < sequence) {
        say(
          fact.node,
          `write ${sequence} of ${app} is acknowledged as copied in term ${term}, and no copy goes beyond ${known}`,
        );
      }
      const written = writtenBy(client);
      if (term < written.term) return;
      written.app = app;
      written.durable = Math.max(written.durable, sequence);
    }

    function onHosting(fact: HostingNews & StateFact): void {
      const known = new Map(fact.clients);
      const { term } = fact.epoch;
      if (known.size === 0) {
        const survivor = survivors(fact.node).find((copy) => copy.term < term);
        const lost = [...clients.values()].some(({ durable }) => durable > 0);
        if (survivor !== undefined && lost) {
          say(
            fact.node,
            `${fact.node} begins to host with nothing, and ${survivor.node} keeps a copy of term ${survivor.term}`,
          );
        }
        clients.clear();
        return;
      }
      for (const [client, written] of clients) {
        const has = known.get(client);
        if (has === undefined) {
          clients.delete(client);
          continue;
        }
        const { durable, app } = written;
        if (has < durable) {
          const survivor = survivors(fact.node).find((copy) =>
            copy.term < term && copy.sequenceOf(client) >= durable
          );
          if (survivor !== undefined) {
            say(
              fact.node,
              `${fact.node} begins term ${term} with write ${has} of ${app}, ${durable} was acknowledged, and ${survivor.node} has it`,
            );
          }
          clients.delete(client);
          continue;
        }
        if (fuzzy.has(app)) continue;
        for (const [path, values] of written.expected()) {
          const value = fact.claimOf(client, path);
          if (value === undefined || values.some((each) => isAlike(each, value) || each === null)) continue;
          say(
            fact.node,
            `${fact.node} begins term ${term} with ${JSON.stringify(value)} of ${app} at ${path}, and ${
              JSON.stringify(values[0])
            } was acknowledged`,
          );
        }
      }
    }

    /** Copies that the one who begins to host could have asked for. */
    function survivors(node: string) {
      return (oracle.state?.copies() ?? []).filter((copy) =>
        copy.node === node ||
        (oracle.isUp(copy.node) && oracle.nowUs - oracle.sinceUs(copy.node) > REACHED_US &&
          !oracle.wasStalled(copy.node, REACHED_US) &&
          oracle.canTalk(node, copy.node) && oracle.canTalk(copy.node, node) &&
          oracle.quality(node, copy.node) !== "poor" &&
          oracle.nowUs - oracle.canTalkSinceUs(node, copy.node) > REACHED_US &&
          oracle.nowUs - oracle.canTalkSinceUs(copy.node, node) > REACHED_US)
      );
    }

    return {
      wants: ["state"],
      onFact: (fact) => {
        if (fact.kind !== "state") return;
        switch (fact.what) {
          case "refused":
            // Its author is not told where the link breaks meanwhile.
            if (writtenBy(fact.client).term !== fact.term) return;
            return writtenBy(fact.client).forget(fact.sequence, fact.path);
          case "took":
            if (writtenBy(fact.client).term !== fact.term || fact.sequence !== fact.before + 1) return;
            return writtenBy(fact.client).noteTook(fact.sequence, fact.effects, fact.atUs);
          case "changed":
            if (!fact.deleted) return;
            for (const written of clients.values()) {
              if (written.term <= fact.term) written.noteGone(fact.path);
            }
            return;
          case "copied":
            for (const [client, sequence] of fact.clients) {
              const key = `${fact.term} ${client}`;
              copied.set(key, Math.max(sequence, copied.get(key) ?? 0));
            }
            return;
          case "said":
            if ((fact.message !== "set" && fact.message !== "tx") || fact.client === 0) return;
            // Where a host began with nothing, numbers of clients are given again.
            if (fact.term < writtenBy(fact.client).term) return;
            return noteSaid(fact, writtenBy(fact.client));
          case "heard":
            return onHeard(fact);
          case "hosting":
            return onHosting(fact);
          case "app":
            if (fact.does === "is-spoiled") fuzzy.add(fact.app);
        }
      },
    };
  },
};

function noteSaid({ app, values, sequence, momentary }: SaidNews, written: Written): void {
  written.app = app;
  if (sequence <= written.said) return;
  written.said = sequence;
  for (const [path, value] of values) {
    written.note(path, sequence, value);
    if (momentary) written.noteMomentary(path);
  }
}

/** Whether two values are one, up to what a type can hold. */
function isAlike(a: StateValue, b: StateValue): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(a));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, at) => isAlike(each, b[at] ?? null));
  }
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Nothing happens twice. */
export const stateOnceInOrder: ObserverDefinition = {
  id: "state_once_in_order",
  kind: "safety",
  summary: "Each write of a client takes effect at most once, and in the order in which they were written.",
  byDefault: true,
  create: ({ scenario, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    const last = new Map<string, number>();
    return {
      wants: ["state"],
      onFact: (fact) => {
        if (fact.kind !== "state") return;
        if (fact.what === "hosting") {
          for (const [client, sequence] of fact.clients) last.set(`${fact.epoch.term} ${client}`, sequence);
        }
        if (fact.what !== "took") return;
        const { client, sequence, before, after, effects, term } = fact;
        const key = `${term} ${client}`;
        const done = last.get(key) ?? 0;
        const say = (text: string): void =>
          violate({ id: "state_once_in_order", kind: "safety", nodes: [fact.node], text });
        if (after < before) {
          say(`${fact.node} counts the writes of client ${client} back from ${before} to ${after}`);
        }
        if (effects.length === 0) return;
        if (sequence <= done) {
          say(
            `write ${sequence} of client ${client} takes effect at ${fact.node} again, after ${done}: ${
              effects[0]
            }`,
          );
        } else if (sequence > before + 1) {
          say(
            `write ${sequence} of client ${client} takes effect at ${fact.node} before ${before + 1}: ${
              effects[0]
            }`,
          );
        }
        last.set(key, Math.max(done, sequence));
      },
    };
  },
};

/** So long after the last trouble everything must be answered. */
const ANSWERED_US = 6_000_000;

/** Every write is answered. */
export const stateAnswered: ObserverDefinition = {
  id: "state_answered_after_quiet",
  kind: "liveness",
  summary:
    "At the end every write of an app that reaches the host was acknowledged, refused or overtaken by its own next one.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    return {
      wants: ["phase"],
      onFact: (fact: Fact) => {
        if (fact.kind !== "phase" || fact.phase !== "end" || oracle.phase !== "quiet") return;
        for (const { app, node, replica, undisturbedSinceUs, isHostile } of oracle.state?.apps() ?? []) {
          if (isHostile || replica.pendingWrites === 0 || replica.state !== "joined") continue;
          if (oracle.nowUs - Math.max(undisturbedSinceUs, oracle.state?.lastWriteUs ?? 0) < ANSWERED_US) {
            continue;
          }
          violate({
            id: "state_answered_after_quiet",
            kind: "liveness",
            nodes: [node],
            text: `${replica.pendingWrites} writes of ${app} have no answer ${
              seconds(oracle.nowUs - undisturbedSinceUs)
            } after the last trouble`,
          });
        }
      },
    };
  },
};
