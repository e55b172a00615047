// Dialling: from an address to an open link, with a deadline, cancellation and, where asked for, jittered retries.
// Decides how often and how long to try; never which address of a node is the best (lib/node does).

import { HanaError } from "../base/mod.ts";
import type { ByteStream, Platform, StreamAddress } from "../platform/mod.ts";
import { type ChannelContext, SecureChannel } from "../security/mod.ts";
import { type Address, formatAddress } from "./address.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { Link } from "./link.ts";
import type { MemoryNetwork } from "./memory.ts";

/** What dialling and listening stand on. */
export interface TransportContext {
  readonly platform: Platform;
  /** Keys and counters for streams that leave the machine. */
  readonly security: ChannelContext;
  /** Where `mem:` addresses live; without it they are unreachable. */
  readonly memory?: MemoryNetwork;
  /** Frame limit of every link in bytes. */
  readonly maxFrameBytes?: number;
}

/** How to dial. */
export interface DialOptions {
  /** The whole attempt, retries included, ends after this many microseconds. */
  readonly timeoutUs: number;
  /** Retries an address where nobody is with these delays until the deadline; without it one try must do. */
  readonly retry?: BackoffOptions;
  /** Aborting rejects with `cancelled`. */
  readonly signal?: AbortSignal;
}

const RETRIED: readonly string[] = ["unreachable", "not-found"];

/**
 * Connects to an address. The link is not opened yet: the caller sets its handlers.
 * Rejects with `unreachable`, `not-found` (no such local socket), `timeout`, `cancelled`, `refused`, `unsupported`.
 */
export async function dial(context: TransportContext, address: Address, options: DialOptions): Promise<Link> {
  const { platform } = context;
  const abort = new AbortController();
  const deadlineUs = platform.clock.nowUs() + options.timeoutUs;
  const cancel = (): void => abort.abort(cancelled(address));
  if (options.signal?.aborted === true) throw cancelled(address);
  options.signal?.addEventListener("abort", cancel, { once: true });
  const timer = platform.timers.schedule(deadlineUs, () => abort.abort(timedOut(address, options.timeoutUs)));
  const backoff = options.retry && new Backoff(options.retry, platform.random.stream("transport/dial"));
  try {
    for (;;) {
      try {
        const stream = await connectOnce(context, address, abort.signal);
        return makeLink(context, stream, address);
      } catch (thrown) {
        if (abort.signal.aborted) throw abort.signal.reason;
        // A local socket that nobody has made yet is a node that is still starting.
        const retriable = thrown instanceof HanaError && RETRIED.includes(thrown.code);
        if (backoff === undefined || !retriable) throw thrown;
        await pause(platform, backoff.nextDelayUs(), abort.signal);
      }
    }
  } finally {
    timer.cancel();
    options.signal?.removeEventListener("abort", cancel);
  }
}

/** Whether streams of this kind leave the machine and must be sealed (architecture 5). */
export function isSealed(address: Address): boolean {
  return address.kind === "tcp";
}

function makeLink(context: TransportContext, stream: ByteStream, address: Address): Link {
  const channel = isSealed(address) ? SecureChannel.dial(context.security) : null;
  return new Link(stream, { channel, maxFrameBytes: context.maxFrameBytes });
}

async function connectOnce(
  context: TransportContext,
  address: Address,
  signal: AbortSignal,
): Promise<ByteStream> {
  if (address.kind === "mem") {
    if (context.memory !== undefined) return context.memory.connect(address.name);
    throw new HanaError("unreachable", {
      what: `${formatAddress(address)} cannot be reached`,
      why: "no memory network was given",
    });
  }
  const stream = await context.platform.streams.connect(toStreamAddress(address), { signal });
  if (signal.aborted) {
    stream.abort();
    throw signal.reason;
  }
  return stream;
}

/** The platform's form of an address. Throws `usage` for one that is no stream. */
export function toStreamAddress(address: Address): StreamAddress {
  if (address.kind === "udp" || address.kind === "mem") {
    throw new HanaError("usage", {
      what: `${formatAddress(address)} is no stream`,
      hint: "use a tcp:// or unix:// address",
    });
  }
  return address;
}

/** Resolves after `delayUs`, or rejects with the signal's reason. */
function pause(platform: Platform, delayUs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = platform.timers.schedule(platform.clock.nowUs() + delayUs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}

function cancelled(address: Address): HanaError {
  return new HanaError("cancelled", { what: `dialling ${formatAddress(address)} was cancelled` });
}

function timedOut(address: Address, timeoutUs: number): HanaError {
  return new HanaError("timeout", {
    what: `${formatAddress(address)} did not answer`,
    why: `nothing came within ${Math.round(timeoutUs / 1000)} ms`,
  });
}
