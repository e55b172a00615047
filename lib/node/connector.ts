// From a node's addresses to a ready session with exactly that node.
// Decides how long one path may keep the next waiting (250 ms, as in RFC 8305), and that an answer under another id
// is no answer. Never picks the addresses (paths.ts).

import { type AccessLevel, HanaError, type NodeId, toHanaError } from "../base/mod.ts";
import {
  type Fence,
  HandlerTable,
  type Identity,
  type PeerAccess,
  Session,
  type SessionLimits,
  type SessionOptions,
} from "../session/mod.ts";
import {
  type Address,
  dial,
  formatAddress,
  isSealed,
  LaneCarrier,
  type Link,
  type TransportContext,
  UdpCarrier,
  type UdpPath,
} from "../transport/mod.ts";
import type { Carrier } from "../lanes/mod.ts";
import type { CodecName } from "../wire/mod.ts";
import type { LaneServices } from "./lane_services.ts";
import type { NodeLanes } from "./node_lanes.ts";

/** What sessions of a node are made from. */
export interface ConnectorContext extends TransportContext {
  readonly local: Identity;
  readonly handlers: HandlerTable;
  readonly codec?: CodecName;
  readonly limits?: Partial<SessionLimits>;
  /** What peers may do that reach us over the network and hold what we hold: the mesh key, or none. */
  readonly access: AccessLevel;
  /** By what right commands go out and come in. */
  readonly fence?: Fence;
  /** Datagrams beside streams; without it all lanes stay on the stream. */
  readonly lanes?: NodeLanes;
  /** Who takes lanes that peers open; without it nobody does. */
  readonly laneServices?: LaneServices;
}

/** How to connect. */
export interface ConnectOptions {
  /** Everything must be done within this many microseconds. */
  readonly timeoutUs: number;
  readonly signal?: AbortSignal;
  /** The answer must come from this node. */
  readonly expectedId?: NodeId;
  /** True keeps the lanes on the stream. */
  readonly streamOnly?: boolean;
}

/** After this long the next path is tried beside the one that hangs (RFC 8305 section 5: 250 ms). */
const STAGGER_US = 250_000;

/** Lanes over a link, and over datagrams beside it where the node has sockets for them. */
export function carrierFor(
  context: ConnectorContext,
  link: Link,
  side: "dialler" | "listener",
  streamOnly = false,
): LaneCarrier {
  const { platform, lanes } = context;
  const udp = streamOnly ? null : lanes?.udp() ?? null;
  const whyNoUdp = streamOnly ? "the stream alone was asked for" : lanes?.whyNone ?? null;
  return new LaneCarrier(link, {
    platform,
    side,
    udp,
    ...(lanes === undefined ? {} : { budget: lanes.budget }),
    ...(whyNoUdp === null ? {} : { whyNoUdp }),
  });
}

/** Lanes over datagrams alone. */
export function datagramCarrierFor(context: ConnectorContext, path: UdpPath): UdpCarrier {
  const { platform, lanes, maxFrameBytes } = context;
  return new UdpCarrier(path, {
    platform,
    local: lanes?.localFor(path.remote?.host ?? "") ?? { host: "0.0.0.0", port: 0 },
    ...(lanes === undefined ? {} : { budget: lanes.budget }),
    ...(maxFrameBytes === undefined ? {} : { maxFrameBytes }),
  });
}

/** Who takes lanes on a session, as one of its options. */
export function laneOptions(
  context: ConnectorContext,
  accepted: boolean,
): Pick<SessionOptions, "onLane"> {
  const services = context.laneServices;
  if (services === undefined) return {};
  return { onLane: (lane, session) => services.accept(lane, session, accepted) };
}

/** What the peer of an accepted link may do, once its handshake is through. */
export function accessOf(context: ConnectorContext, link: Link, isLocal: boolean): PeerAccess {
  const { claim } = link;
  if (claim === null) return { access: isLocal ? "operator" : context.access, holder: null, refusal: null };
  return { access: claim.grant.level, holder: claim.grant.name, refusal: claim.refusal };
}

/** Opens a session over one address. Rejects with why it could not. */
export async function connectTo(
  context: ConnectorContext,
  address: Address,
  options: ConnectOptions,
): Promise<Session> {
  const { clock } = context.platform;
  const deadlineUs = clock.nowUs() + options.timeoutUs;
  let session: Session;
  if (address.kind === "udp") {
    // The first packet must follow the handshake at once: the session begins in the turn in which that is done.
    session = await dialByDatagrams(context, address, options, (path) => {
      const carrier = datagramCarrierFor(context, path);
      return greet(context, carrier, path.initiated, context.access, deadlineUs);
    });
  } else {
    const link = await dial(context, address, { timeoutUs: options.timeoutUs, signal: options.signal });
    const carrier = carrierFor(context, link, "dialler", options.streamOnly);
    // Whoever we dial over a local socket is our own user; over the network the mesh key decides.
    const { ring } = context.security;
    const own = isSealed(address) && ring.kind === "access" ? ring.grant.level : "operator";
    session = greet(context, carrier, true, isSealed(address) ? context.access : "operator", deadlineUs, own);
  }
  const cancel = (): void => session.abort(new HanaError("cancelled", { what: "connecting was cancelled" }));
  options.signal?.addEventListener("abort", cancel, { once: true });
  // An abort in the very turn in which dialling was through would otherwise be missed.
  if (options.signal?.aborted === true) cancel();
  try {
    await session.ready;
  } catch (thrown) {
    throw toHanaError(thrown, "unreachable", `${formatAddress(address)} did not answer as a node`);
  } finally {
    options.signal?.removeEventListener("abort", cancel);
  }
  if (options.expectedId !== undefined && session.peer.id !== options.expectedId) {
    const other = session.peer.name;
    await session.close("wrong node");
    throw new HanaError("not-found", {
      what: `${formatAddress(address)} belongs to another node now`,
      why: `${other} answered`,
    });
  }
  return session;
}

/** Starts a session on a carrier that we have dialled; where both dialled at once the peer's own dial may have won. */
function greet(
  context: ConnectorContext,
  carrier: Carrier,
  weSpeakFirst: boolean,
  access: AccessLevel,
  deadlineUs: number,
  ownAccess: AccessLevel = "operator",
): Session {
  const { platform } = context;
  return Session.start({
    platform,
    carrier,
    side: weSpeakFirst ? "dialler" : "listener",
    local: context.local,
    handlers: context.handlers,
    ...(context.codec === undefined ? {} : { codec: context.codec }),
    access,
    ownAccess,
    ...laneOptions(context, false),
    ...(context.fence === undefined ? {} : { fence: context.fence }),
    limits: { ...context.limits, helloTimeoutUs: Math.max(1, deadlineUs - platform.clock.nowUs()) },
  });
}

/** The handshake with a `udp:` address; `start` is called in the turn in which it is done. */
function dialByDatagrams(
  context: ConnectorContext,
  address: Address & { readonly kind: "udp" },
  options: ConnectOptions,
  start: (path: UdpPath) => Session,
): Promise<Session> {
  const url = formatAddress(address);
  const { host, port } = address;
  if (!host.includes(":") && !/^\d+\.\d+\.\d+\.\d+$/.test(host)) {
    const why = "datagrams go to addresses, not to names";
    throw new HanaError("usage", { what: `${url} cannot be dialled`, why, hint: `udp://10.0.0.2:${port}` });
  }
  if (context.security.ring.kind === "access") {
    const why =
      "its handshake cannot say whose access key this is; over TCP lanes go by UDP beside it all the same";
    throw new HanaError("refused", { what: `${url} cannot be dialled`, why, hint: `tcp://${url.slice(6)}` });
  }
  const endpoint = context.lanes?.udp() ?? null;
  if (endpoint === null) {
    const why = context.lanes?.whyNone ?? "no datagrams are configured";
    throw new HanaError("unreachable", { what: `${url} cannot be dialled`, why });
  }
  const { clock, timers } = context.platform;
  return new Promise<Session>((resolve, reject) => {
    const give = (settle: () => void): void => {
      timer.cancel();
      options.signal?.removeEventListener("abort", cancel);
      dialled.cancel();
      settle();
    };
    const cancel = (): void =>
      give(() => reject(new HanaError("cancelled", { what: `dialling ${url} was cancelled` })));
    const timer = timers.schedule(clock.nowUs() + options.timeoutUs, () => {
      const why = "nobody is there, a firewall drops UDP, or the mesh keys differ";
      const what = `${url} did not answer within ${Math.round(options.timeoutUs / 1000)} ms`;
      give(() => reject(new HanaError("timeout", { what, why, hint: `hana ping tcp://${url.slice(6)}` })));
    });
    const dialled = endpoint.dial({ host, port }, {
      onOpen: (path) => {
        const session = start(path);
        give(() => resolve(session));
      },
      onFailed: (error) => give(() => reject(error)),
    });
    options.signal?.addEventListener("abort", cancel, { once: true });
    if (options.signal?.aborted === true) cancel();
  });
}

/** Opens a session over the first of `addresses` that works; the others are tried beside it when it hangs. */
export async function connectToAny(
  context: ConnectorContext,
  addresses: readonly Address[],
  options: ConnectOptions,
): Promise<Session> {
  const [first] = addresses;
  if (first === undefined) throw new HanaError("unreachable", { what: "there is no address to try" });
  if (addresses.length === 1) return await connectTo(context, first, options);
  if (options.signal?.aborted === true) {
    throw new HanaError("cancelled", { what: "connecting was cancelled" });
  }
  const { clock } = context.platform;
  const deadlineUs = clock.nowUs() + options.timeoutUs;
  const race = new AbortController();
  const stop = (): void => race.abort();
  options.signal?.addEventListener("abort", stop, { once: true });
  const failures: HanaError[] = [];
  try {
    return await new Promise<Session>((resolve, reject) => {
      let next = 0;
      let running = 0;
      let won = false;
      const startNext = (): void => {
        const address = addresses[next];
        if (won || address === undefined || race.signal.aborted || clock.nowUs() >= deadlineUs) return;
        next++;
        running++;
        const timer = context.platform.timers.schedule(
          context.platform.clock.nowUs() + STAGGER_US,
          startNext,
        );
        const timeoutUs = Math.max(1, deadlineUs - clock.nowUs());
        connectTo(context, address, { ...options, timeoutUs, signal: race.signal }).then((session) => {
          timer.cancel();
          if (won) return void session.close("another path was faster").catch(() => {});
          won = true;
          resolve(session);
        }, (thrown) => {
          timer.cancel();
          running--;
          failures.push(toHanaError(thrown, "unreachable", formatAddress(address)));
          if (won) return;
          startNext();
          if (running === 0) reject(allFailed(failures));
        });
      };
      startNext();
    });
  } finally {
    options.signal?.removeEventListener("abort", stop);
    race.abort();
  }
}

/** The failure that says most: a refusal before silence, silence before "unreachable". */
function allFailed(failures: readonly HanaError[]): HanaError {
  const telling = ["authentication", "version", "conflict", "refused", "cancelled", "timeout"];
  for (const code of telling) {
    const found = failures.find((failure) => failure.code === code);
    if (found !== undefined) return found;
  }
  return failures[0] ?? new HanaError("unreachable", { what: "no address answered" });
}
