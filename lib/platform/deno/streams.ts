// Listens and connects on the real machine.
// Decides which adapter serves which kind of address and what is refused before the system is asked.
// Never clears a stale socket file and keeps no deadline: lib/transport does both.

import { HanaError } from "../../base/mod.ts";
import type {
  ByteStream,
  ConnectOptions,
  ListenHandlers,
  NetworkInterfaces,
  StreamAddress,
  StreamListener,
  Streams,
} from "../mod.ts";
import type { CrashReporter } from "./crash.ts";
import { connectPipe, listenPipe } from "./pipes.ts";
import { DenoStream, type SystemConnection } from "./stream.ts";
import { addressText, cancelledError, connectError, listenError } from "./stream_errors.ts";
import { MAX_UNIX_PATH_BYTES, unixPathError } from "../limits.ts";
import { systemHost } from "./system_host.ts";
import { needsZone, splitZone } from "../zone.ts";

/** Accepting may fail for want of descriptors; the next attempt waits so long, lest the loop spins. */
const ACCEPT_PAUSE_MS = 50;

type SystemListener = {
  readonly addr: Deno.Addr;
  accept(): Promise<SystemConnection & { readonly localAddr: Deno.Addr; readonly remoteAddr: Deno.Addr }>;
  close(): void;
};

/** The end as a URL. The runtime leaves zones out, so they come from whoever knows them. */
function endText(addr: Deno.Addr, zone: string | null = null): string {
  if (addr.transport === "tcp" || addr.transport === "udp") {
    // A socket for both families shows IPv4 in IPv6 clothes (RFC 4291 section 2.5.5.2).
    const host = addr.hostname.replace(/^::ffff:(?=[0-9.]+$)/i, "");
    const isZoned = zone !== null && needsZone(host);
    return addressText({ kind: "tcp", host: isZoned ? `${host}%${zone}` : host, port: addr.port });
  }
  // An end that was never bound has no path; the runtime says null where its types say string.
  return "path" in addr ? `unix://${addr.path ?? ""}` : "unix://";
}

/** The zone in which a link-local address is our own: also that of whoever reached us by it. */
function zoneOf(local: Deno.Addr, interfaces: NetworkInterfaces): string | null {
  if (local.transport !== "tcp" || !needsZone(local.hostname)) return null;
  return interfaces.list().find(({ address }) => address === local.hostname)?.name ?? null;
}

function checkUnixPath(path: string): void {
  const length = new TextEncoder().encode(path).length;
  if (length > MAX_UNIX_PATH_BYTES) throw unixPathError(path, length);
  if (Deno.build.os === "windows") {
    throw new HanaError("unsupported", {
      what: `unix://${path}`,
      why: "this system has no Unix sockets that hana can use",
      hint: "use pipe://NAME",
    });
  }
}

/** What two listeners cannot have at the same time, roughly: a path, or a port on whatever address. */
function placeOf(address: StreamAddress): string {
  return address.kind === "tcp" ? `tcp:${address.port}` : addressText(address);
}

class DenoListener implements StreamListener {
  readonly address: StreamAddress;
  readonly #listener: SystemListener;
  readonly #handlers: ListenHandlers;
  readonly #interfaces: NetworkInterfaces;
  readonly #crashes: CrashReporter;
  /** Resolves when the runtime has let go of the listener, which is some turns after `close`. */
  readonly ended: Promise<void>;
  #closed = false;

  constructor(
    listener: SystemListener,
    address: StreamAddress,
    handlers: ListenHandlers,
    interfaces: NetworkInterfaces,
    crashes: CrashReporter,
  ) {
    this.#interfaces = interfaces;
    this.#listener = listener;
    this.address = address;
    this.#handlers = handlers;
    this.#crashes = crashes;
    this.ended = this.#acceptLoop();
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#listener.close();
      // The runtime removes the file too, but only once the pending accept is gone: too late for a process that
      // ends now.
      if (this.address.kind === "unix") Deno.removeSync(this.address.path);
    } catch {
      // Closed or removed by the system already.
    }
  }

  async #acceptLoop(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#listener.accept();
        if (this.#closed) connection.close();
        else {
          const zone = zoneOf(connection.localAddr, this.#interfaces);
          this.#onAccepted(
            connection,
            endText(connection.localAddr, zone),
            endText(connection.remoteAddr, zone),
          );
        }
      } catch (thrown) {
        if (this.#closed) return;
        this.#onAcceptFailed(thrown);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
      }
    }
  }

  #onAccepted(connection: SystemConnection, local: string, remote: string): void {
    if (this.address.kind === "tcp") setNoDelay(connection);
    const stream = new DenoStream(connection, local, remote, this.#crashes);
    try {
      this.#handlers.onStream(stream);
    } catch (thrown) {
      this.#crashes.crash(thrown, `listener ${addressText(this.address)}`);
      stream.abort();
    }
  }

  #onAcceptFailed(thrown: unknown): void {
    const error = new HanaError("network-unusable", {
      what: `accepting on ${addressText(this.address)}`,
      why: thrown instanceof Error ? thrown.message : String(thrown),
      hint: "check the limit of open files: ulimit -n",
      cause: thrown,
    });
    try {
      this.#handlers.onError(error);
    } catch (thrownByOwner) {
      this.#crashes.crash(thrownByOwner, `listener ${addressText(this.address)}`);
    }
  }
}

/** Small messages must not wait for an acknowledgement of the last one (RFC 896). */
function setNoDelay(connection: SystemConnection): void {
  if (!("setNoDelay" in connection) || typeof connection.setNoDelay !== "function") return;
  try {
    connection.setNoDelay(true);
  } catch {
    // The peer has reset it already; the first read says so.
  }
}

/** Two listeners as one: each keeps an accept going, whichever is first is taken. */
function bothOf(first: SystemListener, second: SystemListener): SystemListener {
  const both = [first, second];
  const waiting: (ReturnType<SystemListener["accept"]> | null)[] = [null, null];
  return {
    addr: first.addr,
    async accept() {
      const all = both.map((listener, at) => {
        const accepting = waiting[at] ??= listener.accept();
        return accepting.then((connection) => ({ at, connection }), (thrown) => {
          waiting[at] = null;
          throw thrown;
        });
      });
      const { at, connection } = await Promise.race(all);
      waiting[at] = null;
      return connection;
    },
    close() {
      for (const listener of both) listener.close();
    },
  };
}

/** TCP and Unix sockets by the runtime's own calls, named pipes by `node:net`. */
export class DenoStreams implements Streams {
  readonly #crashes: CrashReporter;
  readonly #interfaces: NetworkInterfaces;
  readonly #listeners = new Map<string, DenoListener>();

  /** `interfaces` name the zones of link-local addresses; a process that has none may give an empty list. */
  constructor(crashes: CrashReporter, interfaces: NetworkInterfaces) {
    this.#crashes = crashes;
    this.#interfaces = interfaces;
  }

  async listen(address: StreamAddress, handlers: ListenHandlers): Promise<StreamListener> {
    if (address.kind === "pipe") return await listenPipe(address.name, handlers, this.#crashes);
    if (address.kind === "unix") checkUnixPath(address.path);
    await this.#untilForgotten(placeOf(address));
    try {
      return this.#note(
        address.kind === "unix"
          ? new DenoListener(
            Deno.listen({ transport: "unix", path: address.path }),
            address,
            handlers,
            this.#interfaces,
            this.#crashes,
          )
          : this.#listenTcp(address, handlers),
      );
    } catch (thrown) {
      throw listenError(thrown, address);
    }
  }

  #listenTcp(
    address: { readonly host: string; readonly port: number },
    handlers: ListenHandlers,
  ): DenoListener {
    const listener = Deno.listen({
      hostname: systemHost(address.host, this.#interfaces),
      port: address.port,
    });
    const bound: StreamAddress = { kind: "tcp", host: address.host, port: listener.addr.port };
    if (address.host !== "::" || Deno.build.os !== "windows") {
      return new DenoListener(listener, bound, handlers, this.#interfaces, this.#crashes);
    }
    // Elsewhere `::` takes both families by itself.
    try {
      const second = Deno.listen({ hostname: "0.0.0.0", port: bound.port });
      return new DenoListener(bothOf(listener, second), bound, handlers, this.#interfaces, this.#crashes);
    } catch (thrown) {
      listener.close();
      throw thrown;
    }
  }

  #note(listener: DenoListener): DenoListener {
    const place = placeOf(listener.address);
    this.#listeners.set(place, listener);
    // After the end of this one nobody needs to wait for it any more.
    void listener.ended.then(() => {
      if (this.#listeners.get(place) === listener) this.#listeners.delete(place);
    });
    return listener;
  }

  // The runtime lets go of a closed listener some turns later. Until then its port is taken, and the file that it
  // removes at last would be the one of the next listener.
  async #untilForgotten(place: string): Promise<void> {
    const last = this.#listeners.get(place);
    if (last !== undefined && last.closed) await last.ended;
  }

  async connect(address: StreamAddress, options?: ConnectOptions): Promise<ByteStream> {
    const signal = options?.signal;
    if (signal?.aborted) throw cancelledError(address);
    if (address.kind === "pipe") return await connectPipe(address.name, signal, this.#crashes);
    if (address.kind === "unix") checkUnixPath(address.path);
    try {
      const connection = address.kind === "unix"
        ? await Deno.connect({ transport: "unix", path: address.path })
        : await Deno.connect({
          hostname: systemHost(address.host, this.#interfaces),
          port: address.port,
          signal,
        });
      if (signal?.aborted) {
        connection.close();
        throw cancelledError(address);
      }
      if (address.kind === "tcp") setNoDelay(connection);
      const zone = address.kind === "tcp" ? splitZone(address.host).zone : null;
      return new DenoStream(
        connection,
        endText(connection.localAddr, zone),
        endText(connection.remoteAddr, zone),
        this.#crashes,
      );
    } catch (thrown) {
      if (signal?.aborted) throw cancelledError(address);
      throw connectError(thrown, address);
    }
  }
}
