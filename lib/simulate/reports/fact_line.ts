// One fact as one line of text: when, who, what.
// Decides the words; names are made harmless, since a scenario may hold any text.

import type { Fact } from "../observe.ts";
import { momentText, spanText } from "./figures.ts";
import { stateText } from "./state_line.ts";

// Controls, line separators and bidirectional marks: they could steer a terminal or turn the reading order around.
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** `text` on one line, with every character that could steer its reader written as an escape. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`);
}

/** `  12.480s  viz-2 suspects viz-3`. */
export function factLine(fact: Fact): string {
  return plainText(`${momentText(fact.atUs).padStart(10)}  ${factText(fact)}`);
}

/** What happened, without the time. */
export function factText(fact: Fact): string {
  switch (fact.kind) {
    case "node-started":
      return `${fact.node} starts (life ${fact.incarnation})`;
    case "node-ready":
      return `${fact.node} is ready`;
    case "node-stopped":
      return `${fact.node} ${STOPPED[fact.how]}${fact.why === undefined ? "" : `: ${fact.why}`}`;
    case "view":
      return viewText(fact);
    case "discovery":
      return `${fact.node} discovery: ${fact.event}`;
    case "session":
      return `${fact.node} ${SESSION[fact.what]} ${fact.peer}`;
    case "path":
      return `${fact.node} sends to ${fact.peer} by ${
        fact.path === "udp" ? "datagrams" : "the stream"
      }: ${fact.why}`;
    case "sent":
      return `${fact.from} sends ${fact.traffic} #${fact.number} to ${fact.to}${
        fact.status === "ok" ? "" : ` (${fact.status})`
      }`;
    case "received":
      return `${fact.to} receives ${fact.traffic} #${fact.number} of ${fact.from}, ${
        spanText(fact.atUs - fact.sentAtUs)
      } old`;
    case "answered":
      return `${fact.from} has ${fact.traffic} #${fact.number} answered by ${fact.to}: ${fact.status} after ${
        spanText(fact.atUs - fact.sentAtUs)
      }`;
    case "commanded":
      return `${fact.node} obeys ${fact.from}, term ${fact.token.term}`;
    case "frame":
      return `${fact.from} -> ${fact.to} ${fact.type}, ${fact.bytes} B, ${
        fact.fate === "delivered" || fact.fate === "duplicated" || fact.fate === "corrupted"
          ? `${fact.fate === "delivered" ? "" : `${fact.fate}, `}arrives after ${
            spanText(fact.arrivesUs - fact.atUs)
          }`
          : fact.fate
      }`;
    case "fault":
      return `fault ${fact.action} ${fact.phase === "begin" ? "begins" : "ends"}: ${fact.text}`;
    case "process":
      return `${fact.node}: ${processText(fact)}`;
    case "signalled": {
      const who = fact.program === null ? "the daemon" : `the shim of ${fact.program || "nothing"}`;
      const whom = fact.target === null ? "a stranger" : `${fact.target.part} of ${fact.target.program}`;
      return `${fact.node}: ${who} sends ${fact.signal} to ${whom} (${fact.processId})`;
    }
    case "behaves":
      return `${fact.node}: ${fact.program} #${fact.run} ${DEED[fact.what]}`;
    case "program": {
      const { program, run, kind, by } = fact.event;
      return `${fact.node} notes that ${program} #${run}: ${kind}${by === null ? "" : ` (${by})`}`;
    }
    case "asked":
      return askedText(fact);
    case "state":
      return stateText(fact);
    case "phase":
      return PHASE[fact.phase];
    case "claim":
      return `it happened: ${fact.claim}`;
    case "crash":
      return `${fact.node} threw: ${fact.text.split("\n", 1)[0] ?? ""}`;
    case "violation":
      return `VIOLATION ${fact.violation.id}: ${fact.violation.text}`;
  }
}

const DEED: Readonly<Record<"ready" | "ends" | "hangs" | "freezes" | "waits-in-kernel", string>> = {
  "ready": "is ready",
  "ends": "ends by itself",
  "hangs": "falls silent",
  "freezes": "shows one picture for ever",
  "waits-in-kernel": "waits in the kernel",
};

function processText(fact: Extract<Fact, { kind: "process" }>): string {
  const { part, program, run, what, processId, how } = fact;
  const whose = program === "" ? part : `${part} of ${program}${run === null ? "" : ` #${run}`}`;
  const did = { started: "starts", holds: "stands by it", ended: `ends (${how ?? ""})` }[what];
  return `${whose} (${processId}) ${did}`;
}

function askedText(fact: Extract<Fact, { kind: "asked" }>): string {
  const { node, target, program, verb, op, run, status, answer, atUs, sentAtUs } = fact;
  const what = `${verb} ${program}${run === null ? "" : ` #${run}`} at ${target} (${op})`;
  if (status === "sent") return `${node} asks to ${what}`;
  const said = answer === null
    ? status
    : `generation ${answer.generation}, ${answer.changed ? "done" : "so already"}${
      answer.replayed ? ", again" : ""
    }`;
  return `${node} is answered: ${what}: ${said} after ${spanText(atUs - sentAtUs)}`;
}

const STOPPED: Readonly<Record<"leave" | "crash" | "power-loss" | "failed", string>> = {
  "leave": "leaves",
  "crash": "crashes",
  "power-loss": "loses power",
  "failed": "failed to start",
};

const SESSION: Readonly<Record<"open" | "lost" | "goodbye" | "closed", string>> = {
  open: "opens a session with",
  lost: "loses its session with",
  goodbye: "hears the goodbye of",
  closed: "closes its session with",
};

const PHASE: Readonly<Record<"warm" | "quiet" | "end", string>> = {
  warm: "warm-up is over: all see each other",
  quiet: "faults are over: the quiet tail begins",
  end: "the run ends",
};

function viewText(fact: Extract<Fact, { kind: "view" }>): string {
  const who = fact.subject ?? `${fact.listedName} (nobody of this scenario)`;
  if (fact.op === "remove") return `${fact.observer} forgets ${who}`;
  if (fact.before === fact.state) {
    return `${fact.observer} still sees ${who} ${fact.state}, life ${fact.incarnation}`;
  }
  switch (fact.state) {
    case "alive":
      return `${fact.observer} sees ${who} alive${fact.before === null ? "" : ` again, was ${fact.before}`}`;
    case "suspect":
      return `${fact.observer} suspects ${who}`;
    case "unreachable":
      return `${fact.observer} does not reach ${who}`;
    case "partitioned":
      return `${fact.observer} is cut off from ${who}`;
    case "dead":
      return `${fact.observer} declares ${who} dead`;
    case "left":
      return `${fact.observer} knows that ${who} left`;
  }
}
