// Facts about shared state in words.

import type { StateFact } from "../state_facts.ts";

/** What happened, without the time. */
export function stateText(fact: StateFact): string {
  const { node } = fact;
  switch (fact.what) {
    case "hosting":
      return `${node} hosts the shared state, term ${fact.epoch.term}, with ${fact.clients.length} known clients`;
    case "deposed":
      return `${node} hosts no more, term ${fact.term}`;
    case "took": {
      const { client, message, sequence, before, effects } = fact;
      const did = effects.length === 0 ? "no effect" : effects.join(", ");
      return `${node} takes ${message} ${sequence} of client ${client} after ${before}: ${did}`;
    }
    case "refused":
      return `${node} refuses write ${fact.sequence} of client ${fact.client} at ${
        fact.path ?? "all its paths"
      } (${fact.code})`;
    case "greeted":
      return `${node} lets client ${fact.client} in by its token`;
    case "changed":
      return `${node}: ${fact.path} ${
        fact.deleted ? "is deleted" : `becomes ${show(fact.to)}`
      } (${fact.cause})`;
    case "copied":
      return `${node} has copy ${fact.number} of term ${fact.term}`;
    case "said": {
      const { app, message, sequence, values } = fact;
      const list = values.map(([path, value]) => `${path} = ${show(value)}`).join(", ");
      return `${app} says ${message}${sequence === 0 ? "" : ` ${sequence}`}${list === "" ? "" : `: ${list}`}`;
    }
    case "heard": {
      const { app, message, acknowledged, code, base, version, hadBefore, hasNow, subsystem } = fact;
      const part = version === 0
        ? ""
        : ` ${subsystem}: ${base} to ${version}, has ${hadBefore} then ${hasNow}`;
      const ack = acknowledged === null
        ? ""
        : `, write ${acknowledged.sequence} is there${acknowledged.single ? " alone" : ""}`;
      return `${app} hears ${message}${part}${ack}${code === null ? "" : ` (${code})`}`;
    }
    case "told":
      return `${fact.app}: ${eventText(fact.event)}`;
    case "app":
      return `${fact.app} ${fact.does.replaceAll("-", " ")}`;
  }
}

function eventText(event: Extract<StateFact, { what: "told" }>["event"]): string {
  switch (event.kind) {
    case "joined":
      return `joined term ${event.epoch.term} as client ${event.client}${event.resumed ? ", resumed" : ""}`;
    case "dropped":
      return `own value of ${event.path} dropped (${event.reason})`;
    case "reconnect":
      return `wants another connection (${event.reason})`;
    case "transaction":
      return `transaction ${event.handle} ${event.outcome}${event.code === null ? "" : ` (${event.code})`}`;
    case "own":
      return `objects: ${event.message.action}`;
    case "privilege":
      return `privilege: ${event.message.action}, holder ${event.message.holder}`;
    default:
      return event.kind;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
