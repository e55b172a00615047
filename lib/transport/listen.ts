// Listening: from an address to a stream of new links.
// Decides when a socket file is stale: only a failed connect proves it. Never answers a stranger (the channel sees to
// that), and never limits how many come or how long they stay (their owner does).

import { HanaError } from "../base/mod.ts";
import type { ByteStream, StreamListener, TimerHandle } from "../platform/mod.ts";
import { SecureChannel } from "../security/mod.ts";
import { type Address, formatAddress } from "./address.ts";
import { isSealed, toStreamAddress, type TransportContext } from "./dial.ts";
import { Link } from "./link.ts";

/** What a listener tells its owner. */
export interface LinkListenerHandlers {
  /** Somebody connected. The owner opens the link, and ends it when its handshake takes too long. */
  onLink(link: Link): void;
  /** Accepting one connection failed; the listener goes on. */
  onError(error: HanaError): void;
}

/** A listener. */
export interface LinkListener {
  readonly address: Address;
  close(): void;
}

/** Counters of a node's listeners. */
export interface ListenCounters {
  accepted: number;
  acceptErrors: number;
  staleSocketsCleared: number;
}

/** How long a probe of an existing socket file may take before its owner counts as alive. */
const STALE_PROBE_US = 500_000;

/**
 * Listens on an address; `tcp://…:0` lets the machine choose a port.
 * Rejects with `address-in-use`, `network-unusable`, `refused`, `unsupported` or `config`.
 */
export async function listen(
  context: TransportContext,
  address: Address,
  counters: ListenCounters,
  handlers: LinkListenerHandlers,
): Promise<LinkListener> {
  const onStream = (stream: ByteStream): void => {
    counters.accepted++;
    handlers.onLink(acceptLink(context, stream, isSealed(address)));
  };
  const onError = (error: HanaError): void => {
    counters.acceptErrors++;
    handlers.onError(error);
  };
  if (address.kind === "mem") {
    if (context.memory === undefined) {
      throw new HanaError("usage", { what: `${formatAddress(address)} needs a memory network` });
    }
    const listener = context.memory.listen(address.name, { onStream, onError });
    return { address, close: () => listener.close() };
  }
  const listener = await listenClearingStale(context, address, counters, { onStream, onError });
  return { address: listener.address, close: () => listener.close() };
}

function acceptLink(context: TransportContext, stream: ByteStream, sealed: boolean): Link {
  const channel = sealed ? SecureChannel.listen(context.security) : null;
  return new Link(stream, { channel, maxFrameBytes: context.maxFrameBytes });
}

async function listenClearingStale(
  context: TransportContext,
  address: Address,
  counters: ListenCounters,
  handlers: { onStream(stream: ByteStream): void; onError(error: HanaError): void },
): Promise<StreamListener> {
  const { streams, files } = context.platform;
  const streamAddress = toStreamAddress(address);
  try {
    return await streams.listen(streamAddress, handlers);
  } catch (thrown) {
    const taken = thrown instanceof HanaError && thrown.code === "address-in-use";
    if (address.kind !== "unix" || !taken) throw thrown;
    if (files.stat(address.path)?.kind !== "socket" || await somebodyAnswers(context, address)) throw thrown;
    files.remove(address.path);
    counters.staleSocketsCleared++;
    return await streams.listen(streamAddress, handlers);
  }
}

/** Whether a process listens behind a socket file. Only a refused connect says no; silence and doubt say yes. */
async function somebodyAnswers(
  context: TransportContext,
  address: Address & { kind: "unix" },
): Promise<boolean> {
  const { clock, timers, streams } = context.platform;
  const abort = new AbortController();
  const timer: TimerHandle = timers.schedule(clock.nowUs() + STALE_PROBE_US, () => abort.abort());
  try {
    (await streams.connect(address, { signal: abort.signal })).abort();
    return true;
  } catch (thrown) {
    return !(thrown instanceof HanaError && thrown.code === "unreachable");
  } finally {
    timer.cancel();
  }
}
