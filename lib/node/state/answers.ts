// What a node answers about the shared state: who hosts, who takes part, why a path has its value.
// Decides how the host's tables read as plain data; never what is in them.

import { HanaError, type NodeId } from "../../base/mod.ts";
import {
  type ClientNumber,
  type Explanation,
  HOST,
  type HostService,
  NO_PATH,
  STATE_SESSIONS,
  STATE_WHY,
  tellFate,
  tellReason,
} from "../../state/mod.ts";
import type { ReplyOf } from "../../session/mod.ts";
import { nearest } from "../../base/mod.ts";

const MS_US = 1_000;

/** The clients of a host, and what they hold. */
export function sessionsOf(service: HostService): ReplyOf<typeof STATE_SESSIONS> {
  const { host } = service;
  const { document, epoch, holding } = host;
  const nowUs = service.nowUs();
  const pathOf = (id: Parameters<typeof document.book.pathOf>[0]): string => document.book.pathOf(id) ?? "";
  const objects = holding.ownership.rows().map(({ id }) => {
    const { state, owner, generation, leftUs } = holding.ownership.standing(nowUs, id);
    return { path: pathOf(id), state, owner, generation, leftMs: Math.round(leftUs / MS_US) };
  });
  const { state, holder, generation } = holding.privilege.standing(nowUs);
  return {
    epoch: { term: epoch.term, host: epoch.hostId },
    clients: Array.from(holding.clients.all(), (client) => ({
      client: client.number,
      name: client.name,
      node: client.peer.nodeId,
      level: client.level,
      state: client.state,
      heardMs: Math.max(0, Math.round((nowUs - client.lastHeardUs) / MS_US)),
      expiresMs: client.expiresUs === Infinity
        ? null
        : Math.max(0, Math.round((client.expiresUs - nowUs) / MS_US)),
      owns: objects.filter(({ owner }) => owner === client.number).map(({ path }) => path),
      privileged: client.number === holder,
      sequence: client.sequence,
      queuedBytes: client.link === null ? 0 : service.queuedBytesOf(client.link),
    })),
    privilege: { state, holder, generation },
    objects,
    subsystems: Array.from(document.logs(), ({ name, version, size }) => ({ name, version, entries: size })),
  };
}

/** Why a path has its value. Throws `not-found` with the nearest path. */
export function whyOf(service: HostService, path: string): ReplyOf<typeof STATE_WHY> {
  const { document, holding } = service.host;
  const id = document.book.idOf(path);
  const explanation = id === NO_PATH ? null : document.claims.explain(service.nowUs(), id);
  const definition = document.book.definitionOf(id);
  if (explanation === null || definition === null) throw unknownPath(service, path);
  const nameOf = (client: ClientNumber): string =>
    client === HOST ? "the host" : holding.clients.get(client)?.name ?? `client ${client}`;
  const { holder } = explanation;
  return {
    path,
    value: explanation.value,
    unit: definition.unit,
    holder: holder === null ? null : { client: holder, name: nameOf(holder) },
    priority: explanation.priority,
    reason: explanation.reason,
    text: tellReason(explanation, nameOf),
    merge: explanation.merge,
    onLoss: explanation.onLoss,
    claims: claimsOf(explanation, nameOf),
  };
}

function claimsOf(
  explanation: Explanation,
  nameOf: (client: ClientNumber) => string,
): ReplyOf<typeof STATE_WHY>["claims"] {
  return explanation.claims.map((claim) => ({
    client: claim.client,
    name: claim.client === null ? "a client that is forgotten" : nameOf(claim.client),
    value: claim.value,
    priority: claim.priority,
    standing: claim.standing,
    fate: claim.fate,
    text: tellFate(claim, explanation, nameOf),
    leaseLeftMs: claim.leaseLeftUs === null ? null : Math.round(claim.leaseLeftUs / MS_US),
  }));
}

function unknownPath(service: HostService, path: string): HanaError {
  const { book } = service.host.document;
  const paths: string[] = [];
  for (let id = 1; id <= book.lastId; id++) {
    const known = book.pathOf(id as Parameters<typeof book.pathOf>[0]);
    if (known !== null && !known.startsWith("clients/")) paths.push(known);
  }
  const close = nearest(path, paths);
  return new HanaError("not-found", {
    what: `path ${path}`,
    why: close === null
      ? paths.length === 0 ? "nobody has defined a path" : `there are ${paths.length} others`
      : `there is ${close}`,
    hint: close === null ? "hana state get" : `hana state why ${close}`,
  });
}

/** Refuses what only a host can answer. */
export function notHost(hostName: string | null, hostId: NodeId | null): HanaError {
  return new HanaError("not-found", {
    what: "this node does not host the shared state",
    why: hostId === null ? "no node leads, as far as it knows" : `${hostName ?? hostId.slice(0, 8)} does`,
    hint: "hana state host",
  });
}
