// Rules about who alone may write: owned objects, the privilege, tokens, and whoever is not there.
// Judged by what hosts let through and by what apps are told.

import type { ObserverDefinition, RunContext, RunObserver } from "../observe.ts";
import type { GreetedNews, HostingNews, StateFact, TookNews } from "../state_facts.ts";
import { seconds } from "./measure.ts";

/** How long a token that was used stays good, so that a lost welcome is survived (research 2.10), and how late that is seen. */
const USED_TOKEN_US = 5_500_000;
/** Tokens that are remembered. */
const MAX_TOKENS = 20_000;

/** One owner, one privileged client, one use of a token. */
export const stateOneHolder: ObserverDefinition = {
  id: "state_one_holder",
  kind: "safety",
  summary:
    "An object has one owner and one client is privileged within a term; nobody writes with an outdated generation, while " +
    "suspended, or by a token that was used or is somebody else's; the next host knows who is privileged.",
  byDefault: true,
  create: ({ scenario, oracle, violate }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    const owners = new Map<string, number>();
    const privileged = new Map<string, number>();
    const tokens = new Map<string, { atUs: number; peer: string | null }>();
    /** Who was privileged as of the copies of each term, the latest of each node. */
    const copies = new Map<number, Map<string, number>>();
    const say = (node: string, text: string): void =>
      violate({ id: "state_one_holder", kind: "safety", nodes: [node], text });

    function onTook(fact: TookNews & StateFact): void {
      const { node, client, message, sequence, effects, standing } = fact;
      const what = `${message} ${sequence} of client ${client} at ${node}`;
      if (effects.length > 0 && standing !== "joined" && standing !== "suspect") {
        say(node, `${what} has an effect, and it is ${standing ?? "no client"}`);
      }
      if (fact.foreign !== null) say(node, `${what} changes ${fact.foreign}, which somebody else owns`);
      if (fact.outdated !== null) {
        say(node, `${what} changes ${fact.outdated} under a generation that is over`);
      }
      if (fact.unprivileged) say(node, `${what} changes structure, and it is not privileged`);
    }

    function onGreeted(fact: GreetedNews & StateFact): void {
      // A token that is good for nothing makes a new client, where the machine may have one.
      if (!fact.resumed) return;
      const known = tokens.get(fact.token);
      if (known === undefined) {
        if (tokens.size < MAX_TOKENS) tokens.set(fact.token, { atUs: fact.atUs, peer: fact.peer });
        return;
      }
      if (known.peer !== null && known.peer !== fact.peer) {
        say(fact.node, `client ${fact.client} is let in by a token of another machine`);
      }
      if (known.atUs >= 0 && fact.atUs - known.atUs > USED_TOKEN_US) {
        say(
          fact.node,
          `client ${fact.client} is let in by a token that was used ${seconds(fact.atUs - known.atUs)} ago`,
        );
      }
      if (known.atUs < 0) known.atUs = fact.atUs;
    }

    function onHosting(fact: HostingNews & StateFact): void {
      if (fact.clients.length === 0) return;
      const known = new Set(fact.clients.map(([client]) => client));
      // It may have begun from a copy of any earlier reign, where it did not reach the last one.
      const holders = new Set<number>();
      for (const [term, each] of copies) {
        if (term < fact.epoch.term) { for (const holder of each.values()) holders.add(holder); }
      }
      if (holders.size === 0 || holders.has(fact.privileged)) return;
      // Of several copies one may be older; whoever is gone is privileged no more.
      if (fact.privileged === 0 && [...holders].some((holder) => !known.has(holder))) return;
      say(
        fact.node,
        `${fact.node} begins term ${fact.epoch.term} with client ${fact.privileged} privileged, and copies say ${
          [...holders].join(" or ")
        }`,
      );
    }

    return {
      wants: ["state"],
      onFact: (fact) => {
        if (fact.kind !== "state") return;
        switch (fact.what) {
          case "took":
            return onTook(fact);
          case "greeted":
            return onGreeted(fact);
          case "hosting":
            return onHosting(fact);
          case "copied": {
            if (fact.privileged === null) return;
            let holders = copies.get(fact.term);
            if (holders === undefined) copies.set(fact.term, holders = new Map());
            holders.set(fact.node, fact.privileged);
            return;
          }
          case "heard":
            if (fact.token !== null && tokens.size < MAX_TOKENS && !tokens.has(fact.token)) {
              tokens.set(fact.token, { atUs: -1, peer: oracle.currentId(fact.node) });
            }
            return;
          case "told": {
            const { event, app, node } = fact;
            if (event.kind === "own") {
              const { term, objects } = event.message;
              for (const { id, owner, generation, state } of objects) {
                if (owner === 0 || state === "free") continue;
                const key = `${term} ${id} ${generation}`;
                const other = owners.get(key) ?? owner;
                owners.set(key, owner);
                if (other === owner) continue;
                say(
                  node,
                  `${app} is told that client ${owner} owns object ${id} in generation ${generation}, others that ${other} does`,
                );
              }
            } else if (event.kind === "privilege") {
              const { term, holder, generation } = event.message;
              if (holder === 0) return;
              const key = `${term} ${generation}`;
              const other = privileged.get(key) ?? holder;
              privileged.set(key, holder);
              if (other === holder) return;
              say(
                node,
                `${app} is told that client ${holder} is privileged in generation ${generation}, others that ${other} is`,
              );
            }
          }
        }
      },
    };
  },
};
