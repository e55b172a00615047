// How a node is reached: from a node or an address, and what its caller wants, to a session.
// Decides which way of the wanted kind is taken; the order of addresses is paths.ts, dialling is connector.ts.

import { HanaError, type NodeId } from "../base/mod.ts";
import type { Session } from "../session/mod.ts";
import { parseAddress } from "../transport/mod.ts";
import { type ConnectorContext, connectTo, connectToAny } from "./connector.ts";
import { candidatePaths, type PathKind } from "./paths.ts";

/** How to reach another node. */
export interface ReachOptions {
  /** Everything must be done within this many microseconds; 3 s when not given. */
  readonly timeoutUs?: number;
  /** Which kind of path; the best when not given. */
  readonly path?: PathKind;
  /** `stream` keeps lanes on the stream; otherwise they go by datagrams beside it where those pass. */
  readonly lanes?: "stream";
  readonly signal?: AbortSignal;
}

/** As much of a node as it takes to reach it; a view or a record fits. */
export interface ReachableNode {
  readonly id: NodeId;
  readonly name: string;
  readonly endpoints: readonly { readonly kind: string; readonly address: string }[];
}

/** 3 s: a dead host on a LAN answers "unreachable" after 2.8 s (research: deno-platform 2.1). */
const DEFAULT_REACH_TIMEOUT_US = 3_000_000;

/** Whether a target is an address, and no name or id. */
export function isAddress(target: string): boolean {
  return target.includes("://") || target.startsWith("/");
}

/** Opens a session with a node, or with whoever is at an address. Rejects with why it could not. */
export async function reach(
  context: ConnectorContext,
  target: string | ReachableNode,
  options: ReachOptions,
): Promise<Session> {
  const { timeoutUs = DEFAULT_REACH_TIMEOUT_US, signal, path = "auto" } = options;
  const how = {
    timeoutUs,
    streamOnly: options.lanes === "stream",
    ...(signal === undefined ? {} : { signal }),
  };
  if (typeof target === "string") return await connectTo(context, parseAddress(target), how);
  const { name, endpoints } = target;
  const paths = candidatePaths(endpoints, context.platform.interfaces.list(), path);
  if (paths.length === 0) {
    const why = endpoints.length === 0
      ? "it listens nowhere"
      : `it listens at ${endpoints.map(({ address }) => address).join(", ")}`;
    const by = path === "auto" ? "" : ` by ${path}`;
    throw new HanaError("unreachable", { what: `${name} cannot be reached${by}`, why });
  }
  return await connectToAny(context, paths, { ...how, expectedId: target.id });
}
