// What happened, by name, for scenarios that must not pass without it: a partition that nobody noticed tested nothing.

import type { Fact, FrameSample, ObserverDefinition, RunContext } from "../observe.ts";

/** Claims with what they say; a scenario asks for them under `sometimes`. */
export const CLAIMS: Readonly<Record<string, string>> = {
  suspected: "A node was suspected.",
  suspicion_cleared: "A suspect was heard after all.",
  unreachable_seen: "A node was taken for unreachable: others hear it, or nobody confirms that it is gone.",
  partition_seen: "A node took itself for cut off from another, which is not dead for that.",
  isolated: "A node took itself for cut off.",
  rejoined: "A node that had taken itself for cut off judges others again.",
  declared_dead: "A node was declared dead.",
  returned: "A node that was dead or cut off on a list is alive again in the same life.",
  restarted: "A node was seen in a new life.",
  left_seen: "A goodbye was heard.",
  forgotten: "A node was taken off a list.",
  renamed: "A node took another name because an earlier one had its own.",
  id_conflict: "A node found out that another process has its id.",
  resumed: "A node said that it had been asleep.",
  stalled: "A node noticed that it had not been running for a while.",
  foreign_seen: "A node noticed nodes with another key.",
  peer_limit: "A node knew of more nodes than it has room for.",
  leader_changed: "A node learnt of a leader, or of another one.",
  command_obeyed: "An executor let a leader's command through.",
  command_refused: "An executor refused the command of a leader that had been followed.",
  leader_lost: "A node learnt that the leader is one no longer.",
  no_quorum: "A node noticed that too few voters are there for a leader.",
  diverged: "A node noticed that two leaders had acted apart.",
  session_opened: "A session opened.",
  session_lost: "A session broke.",
  reconnected: "A session opened to somebody with whom one had broken.",
  request_failed: "A request was settled with an error.",
  message_refused: "A message was not taken because its lane was full, or its receiver did not read.",
  lanes_on_udp: "Lanes of a session went over to datagrams.",
  lanes_on_stream: "Lanes of a session went back to their stream.",
  lanes_moved: "A session went on at another address.",
  crashed: "A node crashed or lost its power.",
  left: "A node left.",
  started_late: "A node started after the warm-up.",
  frames_lost: "A frame was lost on a link.",
  frames_cut: "A frame could not pass a cut.",
  frames_corrupted: "A frame arrived with a flipped bit.",
  frames_duplicated: "A frame arrived twice.",
  burst_drops: "Frames in a row, three at least, were lost on one way.",
  partition_bit: "A node was suspected while it could not be heard.",
  one_way_seen: "A node was suspected that could hear, but not be heard.",
  interface_changed: "An interface came, went or got another address.",
  clock_changed: "A wall clock went wrong.",
};

/** Claims that discovery's own events make. */
const EVENT_CLAIMS: Readonly<Record<string, string>> = {
  "returned": "returned",
  "restarted": "restarted",
  "renamed": "renamed",
  "stalled": "stalled",
  "isolated": "isolated",
  "rejoined": "rejoined",
  "resumed": "resumed",
  "id-conflict": "id_conflict",
  "foreign": "foreign_seen",
  "peer-limit": "peer_limit",
  "leader-changed": "leader_changed",
  "leader-lost": "leader_lost",
  "no-quorum": "no_quorum",
  "diverged": "diverged",
};

/** Claims that only frames show. */
const FRAME_CLAIMS = ["frames_lost", "frames_cut", "frames_corrupted", "frames_duplicated", "burst_drops"];

/** What a lane says that takes nothing, and what a sender says that has no room left to wait for it. */
const REFUSED: ReadonlySet<string> = new Set(["full", "no-credit", "overloaded"]);

/** Frames in a row that make a burst. */
const BURST_FRAMES = 3;

/** Claims from facts. */
export const factClaims: ObserverDefinition = {
  id: "claims",
  kind: "metrics",
  summary: "Tells what happened, for claims under `sometimes`.",
  byDefault: true,
  claims: Object.keys(CLAIMS).filter((name) => !FRAME_CLAIMS.includes(name) && name !== "command_refused"),
  create: ({ oracle, claim }: RunContext) => {
    const broken = new Set<string>();
    return {
      wants: [
        "view",
        "discovery",
        "session",
        "path",
        "answered",
        "commanded",
        "sent",
        "node-started",
        "node-stopped",
        "fault",
      ],
      onFact: (fact: Fact) => {
        if (fact.kind === "view") onView(fact);
        else if (fact.kind === "discovery") onDiscovery(fact.event);
        else if (fact.kind === "commanded") claim("command_obeyed");
        else if (fact.kind === "session") {
          const key = `${fact.node}>${fact.peer}`;
          if (fact.what === "open") {
            claim("session_opened");
            if (broken.delete(key)) claim("reconnected");
          } else if (fact.what === "lost") {
            claim("session_lost");
            broken.add(key);
          }
        } else if (fact.kind === "answered") {
          if (fact.status !== "ok") claim("request_failed");
        } else if (fact.kind === "sent") {
          if (REFUSED.has(fact.status)) claim("message_refused");
        } else if (fact.kind === "path") {
          if (fact.path === "stream") claim("lanes_on_stream");
          else claim(fact.moved ? "lanes_moved" : "lanes_on_udp");
        } else if (fact.kind === "node-started") {
          if (oracle.phase !== "warmup") claim("started_late");
        } else if (fact.kind === "node-stopped") {
          if (fact.how === "leave") claim("left");
          else if (fact.how !== "failed") claim("crashed");
        } else if (fact.kind === "fault" && fact.phase === "begin") {
          if (fact.verb === "clock") claim("clock_changed");
          if (["interface", "wrong-interface", "address"].includes(fact.verb)) claim("interface_changed");
        }
      },
    };

    function onView(fact: Extract<Fact, { kind: "view" }>): void {
      if (fact.op === "remove") {
        claim("forgotten");
        return;
      }
      if (fact.state === fact.before) return;
      if (fact.state === "dead") claim("declared_dead");
      else if (fact.state === "left") claim("left_seen");
      else if (fact.state === "alive") {
        if (fact.before === "suspect" || fact.before === "unreachable") claim("suspicion_cleared");
      } else {
        if (fact.state === "unreachable") claim("unreachable_seen");
        else if (fact.state === "partitioned") claim("partition_seen");
        if (fact.before === "alive" || fact.before === null) claim("suspected");
        const { observer, subject } = fact;
        if (subject === null || !oracle.isUp(subject) || oracle.canTalk(subject, observer)) return;
        claim("partition_bit");
        if (oracle.canTalk(observer, subject)) claim("one_way_seen");
      }
    }

    function onDiscovery(event: string): void {
      const name = EVENT_CLAIMS[event];
      if (name !== undefined) claim(name);
    }
  },
};

/** Claims from frames; they are watched only where a scenario asks. */
export const frameClaims: ObserverDefinition = {
  id: "frame_claims",
  kind: "metrics",
  summary: "Tells what befell frames, for claims under `sometimes`.",
  byDefault: true,
  claims: FRAME_CLAIMS,
  create: ({ scenario, claim }: RunContext) => {
    if (!scenario.expect.sometimes.some((each) => FRAME_CLAIMS.includes(each.claim))) return {};
    const rows = new Map<string, number>();
    return {
      onFrame: ({ from, to, fate }: FrameSample) => {
        if (fate !== "delivered") claim(`frames_${fate}`);
        const key = `${from}>${to}`;
        if (fate !== "lost") {
          if (rows.size > 0) rows.delete(key);
          return;
        }
        const row = (rows.get(key) ?? 0) + 1;
        rows.set(key, row);
        if (row === BURST_FRAMES) claim("burst_drops");
      },
    };
  },
};
