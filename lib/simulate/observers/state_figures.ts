// Figures of shared state, and what must have happened to it for a run to prove something.

import type { Fact, ObserverDefinition, RunContext, RunObserver } from "../observe.ts";
import { Counts, Samples, single } from "./measure.ts";

/** Claims about shared state, with what they say. */
export const STATE_CLAIMS: Readonly<Record<string, string>> = {
  state_ready: "an app had everything",
  state_resumed: "an app came back as the client that it was",
  state_joined_anew: "an app that had been a client came back as a new one",
  state_taken_over: "an app came back and others had taken paths of it",
  state_host_changed: "another node began to host from a copy",
  state_copied: "a write was acknowledged as copied",
  state_shadowed: "a write was below another's",
  state_refused: "a write was refused",
  state_differs: "the copy of an app differed",
  state_repaired: "the copy of an app was repaired",
  state_gap: "a patch came to an app before the one that it follows",
  state_old_host_heard: "an app heard a host of an older term",
  state_owned: "a client owned an object",
  state_privileged: "a client was privileged",
  state_transaction_done: "a transaction was done",
  state_transaction_refused: "a transaction was refused",
  state_overtaken: "an own value gave way to a higher priority",
  state_duplicate: "a write came to a host that had it",
  state_rate_merged: "writes that came too fast were merged",
  state_reconnected: "an app gave its connection up for another one",
};

/** Times and counts. */
export const stateFigures: ObserverDefinition = {
  id: "state_figures",
  kind: "metrics",
  summary:
    "Shared state: from a write to its acknowledgement (`state.answer`), from the loss of a host to the next (`state.failover`), " +
    "until an app has joined it (`state.rejoin`), from an app's start until it has everything (`state.join`); hosts, writes, " +
    "refusals, resyncs and repairs.",
  byDefault: true,
  metrics: ["state"],
  claims: Object.keys(STATE_CLAIMS),
  create: ({ scenario, claim }: RunContext): RunObserver => {
    if (scenario.state === undefined) return {};
    const answer = new Samples("us");
    const failover = new Samples("us");
    const rejoin = new Samples("us");
    const join = new Samples("us");
    const count = new Counts();
    /** By app: when each of its writes went out. */
    const sentUs = new Map<string, Map<number, number>>();
    const startedUs = new Map<string, number>();
    const wasClient = new Set<string>();
    const terms = new Map<string, number>();
    const hosts = new Map<string, number>();
    let lostUs: number | null = null;
    let hostingUs = 0;
    let hostings = 0;

    function onState(fact: Extract<Fact, { kind: "state" }>): void {
      switch (fact.what) {
        case "hosting":
          count.add("hosts");
          hosts.set(fact.node, fact.epoch.term);
          if (fact.clients.length > 0) claim("state_host_changed");
          if (lostUs !== null) failover.add(fact.atUs - lostUs);
          lostUs = null;
          hostingUs = fact.atUs;
          hostings++;
          return;
        case "deposed":
          hosts.delete(fact.node);
          if (hosts.size === 0) lostUs ??= fact.atUs;
          return;
        case "took":
          count.add("writes");
          if (fact.sequence <= fact.before) claim("state_duplicate");
          return;
        case "said": {
          if (fact.message === "resync") count.add("resyncs");
          if (fact.message !== "set" && fact.message !== "tx") return;
          let sent = sentUs.get(fact.app);
          if (sent === undefined) sentUs.set(fact.app, sent = new Map());
          if (!sent.has(fact.sequence)) sent.set(fact.sequence, fact.atUs);
          return;
        }
        case "heard": {
          const { acknowledged, app, code } = fact;
          if (fact.term < fact.shows) claim("state_old_host_heard");
          if (fact.message === "patch" && fact.term === fact.shows && fact.base > fact.hadBefore) {
            claim("state_gap");
          }
          if (code === "shadowed") claim("state_shadowed");
          else if (code === "merged") claim("state_rate_merged");
          else if (code !== null) {
            claim("state_refused");
            count.add("refused");
          }
          if (acknowledged === null) return;
          if (!acknowledged.single && acknowledged.sequence > 0) claim("state_copied");
          for (const [sequence, atUs] of sentUs.get(app) ?? []) {
            if (sequence > acknowledged.sequence) break;
            answer.add(fact.atUs - atUs);
            sentUs.get(app)?.delete(sequence);
          }
          return;
        }
        case "told":
          return onEvent(fact.app, fact.atUs, fact.event);
        case "app":
          if (fact.does === "starts") {
            startedUs.set(fact.app, fact.atUs);
            sentUs.delete(fact.app);
            terms.delete(fact.app);
          }
      }
    }

    function onEvent(
      app: string,
      atUs: number,
      event: Extract<Fact, { kind: "state"; what: "told" }>["event"],
    ): void {
      switch (event.kind) {
        case "joined": {
          if (event.resumed) claim("state_resumed");
          else if (wasClient.has(app)) {
            claim("state_joined_anew");
            sentUs.delete(app);
          }
          if (event.takenOver.length > 0) claim("state_taken_over");
          const { term } = event.epoch;
          if ((terms.get(app) ?? term) < term && hostings > 1) rejoin.add(Math.max(0, atUs - hostingUs));
          terms.set(app, term);
          wasClient.add(app);
          return;
        }
        case "ready": {
          claim("state_ready");
          const sinceUs = startedUs.get(app);
          if (sinceUs !== undefined) join.add(atUs - sinceUs);
          startedUs.delete(app);
          return;
        }
        case "differs":
          return claim("state_differs");
        case "repaired":
          count.add("repairs");
          return claim("state_repaired");
        case "reconnect":
          return claim("state_reconnected");
        case "dropped":
          if (event.reason === "takeover") claim("state_overtaken");
          return;
        case "transaction":
          return claim(event.outcome === "done" ? "state_transaction_done" : "state_transaction_refused");
        case "own":
          if (event.message.objects.some(({ state }) => state === "owned")) claim("state_owned");
          return;
        case "privilege":
          if (event.message.state === "held") claim("state_privileged");
      }
    }

    return {
      wants: ["state", "node-stopped"],
      onFact: (fact) => {
        if (fact.kind === "state") onState(fact);
        else if (fact.kind === "node-stopped" && hosts.delete(fact.node) && hosts.size === 0) {
          lostUs ??= fact.atUs;
        }
      },
      finish: () => ({
        "state.answer": answer.metric(),
        "state.failover": failover.metric(),
        "state.rejoin": rejoin.metric(),
        "state.join": join.metric(),
        "state.hosts": single("count", count.get("hosts")),
        "state.writes": single("count", count.get("writes")),
        "state.refused": single("count", count.get("refused")),
        "state.resyncs": single("count", count.get("resyncs")),
        "state.repairs": single("count", count.get("repairs")),
      }),
    };
  },
};
