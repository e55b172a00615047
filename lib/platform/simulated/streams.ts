// Listening and connecting on simulated hosts.
// Decides what a connect meets: a listener, a closed port, a dead address, a cut cable; and how a Unix socket's file
// lives and dies.

import { HanaError } from "../../base/mod.ts";
import type {
  ByteStream,
  ConnectOptions,
  ListenHandlers,
  StreamAddress,
  StreamListener,
  Streams,
} from "../mod.ts";
import { MAX_UNIX_PATH_BYTES, unixPathError } from "../limits.ts";
import { needsZone, withoutZone } from "../zone.ts";
import { isAddress, isIpv6, isWildcard } from "./address.ts";
import type { Engine } from "./engine.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { HostNetwork, SimulatedInterface } from "./network.ts";
import type { Held, ProcessEnd, ProcessLife } from "./process_life.ts";
import { SimulatedStream, type StreamPieces } from "./stream.ts";
import { LOCAL_PATH, NetworkPath, type StreamPath } from "./stream_path.ts";

const FIRST_EPHEMERAL_PORT = 32768;
const LAST_PORT = 60999;
/** A connect that meets silence is tried again after this, and given up after the second silence. */
const CONNECT_RETRY_US = 1_000_000;
/** A host on the own link that does not answer is given up after about three seconds (EHOSTUNREACH, measured). */
const CONNECT_GIVE_UP_US = 3_000_000;
/** The file of a Unix socket, with the usual umask. */
const SOCKET_MODE = 0o755;

function hostPort(host: string, port: number): string {
  return `tcp://${isIpv6(host) ? `[${host}]` : host}:${port}`;
}

function addressText(address: StreamAddress): string {
  if (address.kind === "tcp") return hostPort(address.host, address.port);
  return address.kind === "unix" ? `unix://${address.path}` : `pipe://${address.name}`;
}

class SimulatedListener implements StreamListener, Held {
  readonly address: StreamAddress;
  readonly handlers: ListenHandlers;
  readonly life: ProcessLife;
  readonly #ports: StreamPorts;

  constructor(ports: StreamPorts, address: StreamAddress, handlers: ListenHandlers, life: ProcessLife) {
    this.#ports = ports;
    this.address = address;
    this.handlers = handlers;
    this.life = life;
    life.hold(this);
  }

  close(): void {
    this.life.drop(this);
    this.#ports.unlisten(this, true);
  }

  onProcessEnded(_end: ProcessEnd): void {
    this.#ports.unlisten(this, false);
  }
}

/** The TCP ports and Unix sockets of one host. */
export class StreamPorts {
  readonly engine: Engine;
  readonly network: HostNetwork;
  readonly disk: SimulatedDisk;
  readonly #pieces: StreamPieces;
  readonly #isPowered: () => boolean;
  readonly #portsOf: (hostName: string) => StreamPorts | null;
  readonly #listeners = new Map<number, SimulatedListener[]>();
  #nextEphemeral = FIRST_EPHEMERAL_PORT;

  constructor(
    engine: Engine,
    network: HostNetwork,
    disk: SimulatedDisk,
    pieces: StreamPieces,
    isPowered: () => boolean,
    portsOf: (hostName: string) => StreamPorts | null,
  ) {
    this.engine = engine;
    this.network = network;
    this.disk = disk;
    this.#pieces = pieces;
    this.#isPowered = isPowered;
    this.#portsOf = portsOf;
  }

  /** Listens for a process. */
  listen(address: StreamAddress, handlers: ListenHandlers, life: ProcessLife): StreamListener {
    if (address.kind === "pipe") throw unsupportedPipe(address);
    const what = `cannot listen on ${addressText(address)}`;
    if (address.kind === "unix") {
      checkPath(address.path);
      const listener = new SimulatedListener(this, address, handlers, life);
      if (this.disk.bindSocket(address.path, listener, SOCKET_MODE)) return listener;
      life.drop(listener);
      throw new HanaError("address-in-use", { what, why: "something is there already" });
    }
    if (!isWildcard(address.host) && this.network.owner(address.host) === null) {
      throw new HanaError("network-unusable", { what, why: "no interface has this address" });
    }
    const port = address.port === 0 ? this.freePort() : address.port;
    const listeners = this.#listeners.get(port) ?? [];
    for (const other of listeners) {
      if (other.address.kind !== "tcp") continue;
      const overlap = other.address.host === address.host || isWildcard(address.host) ||
        isWildcard(other.address.host);
      if (overlap) throw new HanaError("address-in-use", { what, why: "another program listens there" });
    }
    const listener = new SimulatedListener(this, { ...address, port }, handlers, life);
    this.#listeners.set(port, [...listeners, listener]);
    return listener;
  }

  /** Forgets a listener; the file of a Unix socket stays when its process was killed. */
  unlisten(listener: SimulatedListener, inOrder: boolean): void {
    const address = listener.address;
    if (address.kind === "unix") this.disk.unbindSocket(address.path, listener, inOrder);
    if (address.kind !== "tcp") return;
    const left = (this.#listeners.get(address.port) ?? []).filter((other) => other !== listener);
    if (left.length === 0) this.#listeners.delete(address.port);
    else this.#listeners.set(address.port, left);
  }

  /** Who listens on a port of this host for connections to `host`. */
  listenerFor(host: string, port: number): SimulatedListener | null {
    const listeners = this.#listeners.get(port) ?? [];
    const matches = (wanted: string): SimulatedListener | undefined =>
      listeners.find(({ address }) => address.kind === "tcp" && withoutZone(address.host) === wanted);
    return matches(withoutZone(host)) ?? (isIpv6(host) ? undefined : matches("0.0.0.0")) ?? matches("::") ??
      null;
  }

  /** The other host's ports. */
  portsOf(hostName: string): StreamPorts | null {
    return this.#portsOf(hostName);
  }

  /** Whether this host has power. */
  get powered(): boolean {
    return this.#isPowered();
  }

  /** A port that no listener has. */
  freePort(): number {
    for (let tries = FIRST_EPHEMERAL_PORT; tries <= LAST_PORT; tries++) {
      const port = this.#nextEphemeral;
      this.#nextEphemeral = port === LAST_PORT ? FIRST_EPHEMERAL_PORT : port + 1;
      if (!this.#listeners.has(port)) return port;
    }
    throw new HanaError("address-in-use", { what: "no free TCP port", why: "all of them are taken" });
  }

  /** One end of a stream on this host. */
  makeEnd(life: ProcessLife, local: string, remote: string, path: StreamPath): SimulatedStream {
    return new SimulatedStream({
      engine: this.engine,
      life,
      local,
      remote,
      path,
      pieces: this.#pieces,
      isPowered: this.#isPowered,
    });
  }

  /** Hands the far end to the listener's owner, once its host runs: its system has accepted already. */
  accept(listener: SimulatedListener, stream: SimulatedStream): void {
    if (listener.life.cpu.isFree) this.#handOver(listener, stream);
    else listener.life.cpu.run(() => this.#handOver(listener, stream));
  }

  #handOver(listener: SimulatedListener, stream: SimulatedStream): void {
    if (!listener.life.alive) return;
    this.engine.log.record(
      this.engine.nowUs,
      "connect",
      stream.remote,
      listener.life.hostName,
      0,
    );
    try {
      listener.handlers.onStream(stream);
    } catch (thrown) {
      this.engine.crash(thrown, `listener ${addressText(listener.address)} on ${listener.life.hostName}`);
      stream.abort();
    }
  }
}

function unsupportedPipe(address: StreamAddress): HanaError {
  return new HanaError("unsupported", {
    what: addressText(address),
    why: "named pipes are on Windows only",
    hint: "use unix:///path/to/socket",
  });
}

function checkPath(path: string): void {
  const length = new TextEncoder().encode(path).length;
  if (length > MAX_UNIX_PATH_BYTES) throw unixPathError(path, length);
}

/** A link-local address as the machine with this interface names it; others stay as they are. */
function inZone(host: string, at: SimulatedInterface | null): string {
  const address = withoutZone(host);
  return at === null || at.segment === null || !needsZone(address) ? host : `${address}%${at.name}`;
}

/** One attempt to connect over the network. */
class TcpConnect {
  readonly #ports: StreamPorts;
  readonly #life: ProcessLife;
  readonly #host: string;
  readonly #port: number;
  readonly #source: string;
  readonly #sourcePort: number;
  readonly #there: NetworkPath;
  readonly #settle: (result: SimulatedStream | HanaError) => void;
  #over = false;

  constructor(
    ports: StreamPorts,
    life: ProcessLife,
    host: string,
    port: number,
    source: string,
    settle: (result: SimulatedStream | HanaError) => void,
  ) {
    this.#ports = ports;
    this.#life = life;
    this.#host = host;
    this.#port = port;
    this.#source = source;
    this.#sourcePort = ports.freePort();
    this.#there = new NetworkPath(ports.engine, ports.network, source, host);
    this.#settle = settle;
  }

  /** Asks, again and again, until there is an answer or it is time to give up. */
  start(): void {
    this.#ports.engine.after(CONNECT_GIVE_UP_US, () => this.#fail("No route to host"));
    this.#ask();
  }

  /** Nobody waits any more. */
  cancel(): void {
    this.#over = true;
  }

  #ask(): void {
    if (this.#over || !this.#life.alive) return;
    const engine = this.#ports.engine;
    const delayUs = this.#there.planUs(null);
    // A clogged way holds no attempt: the next one goes out as if this one had been lost.
    if (delayUs < 0) engine.after(CONNECT_RETRY_US, () => this.#ask());
    else engine.after(delayUs, () => this.#onAsked());
  }

  #onAsked(): void {
    if (this.#over || !this.#life.alive) return;
    const target = this.#ports.network.route(this.#host)?.target ?? null;
    const far = target === null ? null : this.#ports.portsOf(target.hostName);
    if (far === null || !far.powered) {
      this.#ports.engine.after(CONNECT_RETRY_US, () => this.#ask());
      return;
    }
    // Each end names the other in a zone of its own.
    const farHost = inZone(this.#host, target);
    const nearAtFar = inZone(this.#source, target);
    const back = new NetworkPath(far.engine, far.network, farHost, nearAtFar);
    const delayUs = back.planUs(null);
    if (delayUs < 0) {
      this.#ports.engine.after(CONNECT_RETRY_US, () => this.#ask());
      return;
    }
    const listener = far.listenerFor(this.#host, this.#port);
    if (listener === null) {
      this.#ports.engine.after(delayUs, () => this.#fail("Connection refused"));
      return;
    }
    const nearText = hostPort(this.#source, this.#sourcePort);
    const farText = hostPort(this.#host, this.#port);
    const near = this.#ports.makeEnd(this.#life, nearText, farText, this.#there);
    const other = far.makeEnd(
      listener.life,
      hostPort(farHost, this.#port),
      hostPort(nearAtFar, this.#sourcePort),
      back,
    );
    SimulatedStream.connect(near, other);
    this.#ports.engine.after(delayUs, () => {
      if (this.#over || !this.#life.alive) near.abort();
      else {
        this.#over = true;
        this.#life.cpu.run(() => this.#settle(near));
      }
    });
    far.accept(listener, other);
  }

  #fail(why: string): void {
    if (this.#over) return;
    this.#over = true;
    const engine = this.#ports.engine;
    engine.log.record(engine.nowUs, "connect-failed", this.#life.hostName, this.#host, 0);
    const what = `cannot connect to ${hostPort(this.#host, this.#port)}`;
    this.#life.cpu.run(() => this.#settle(new HanaError("unreachable", { what, why })));
  }
}

/** Streams as one process sees them. */
export class SimulatedStreams implements Streams {
  readonly #ports: StreamPorts;
  readonly #life: ProcessLife;

  constructor(ports: StreamPorts, life: ProcessLife) {
    this.#ports = ports;
    this.#life = life;
  }

  // The promises are made in the call itself, so that a program that does not wait still sees one order.
  listen(address: StreamAddress, handlers: ListenHandlers): Promise<StreamListener> {
    try {
      return Promise.resolve(this.#ports.listen(address, handlers, this.#life));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  connect(address: StreamAddress, options?: ConnectOptions): Promise<ByteStream> {
    const signal = options?.signal;
    const cancelled = (): HanaError =>
      new HanaError("cancelled", { what: `connecting to ${addressText(address)}`, why: "given up" });
    if (signal?.aborted) return Promise.reject(cancelled());
    try {
      if (address.kind === "pipe") throw unsupportedPipe(address);
      if (address.kind === "unix") return this.#connectUnix(address.path);
      const target = address;
      return new Promise((resolve, reject) => {
        const attempt = this.#startTcp(target, (result) => {
          signal?.removeEventListener("abort", onAbort);
          if (result instanceof HanaError) reject(result);
          else resolve(result);
        });
        const onAbort = (): void => {
          attempt.cancel();
          reject(cancelled());
        };
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #startTcp(
    address: { readonly host: string; readonly port: number },
    settle: (result: SimulatedStream | HanaError) => void,
  ): TcpConnect {
    const what = `cannot connect to ${hostPort(address.host, address.port)}`;
    if (!isAddress(address.host)) {
      throw new HanaError("unreachable", { what, why: "there is no name service in a simulated world" });
    }
    const route = this.#ports.network.route(address.host);
    if (route === null) throw new HanaError("unreachable", { what, why: "Network is unreachable" });
    const attempt = new TcpConnect(
      this.#ports,
      this.#life,
      address.host,
      address.port,
      route.source,
      settle,
    );
    attempt.start();
    return attempt;
  }

  #connectUnix(path: string): Promise<ByteStream> {
    checkPath(path);
    const what = `cannot connect to unix://${path}`;
    const kind = this.#ports.disk.stat(path)?.kind;
    if (kind === undefined) throw new HanaError("not-found", { what, why: "nobody has made it" });
    const listener = this.#ports.disk.listenerAt(path);
    if (!(listener instanceof SimulatedListener)) {
      throw new HanaError("unreachable", { what, why: "nobody listens behind it" });
    }
    const near = this.#ports.makeEnd(this.#life, "unix://", `unix://${path}`, LOCAL_PATH);
    const other = this.#ports.makeEnd(listener.life, `unix://${path}`, "unix://", LOCAL_PATH);
    SimulatedStream.connect(near, other);
    // The listener's owner hears of it in an event of its own, not inside this call.
    this.#ports.engine.after(0, () => {
      if (listener.life.alive) this.#ports.accept(listener, other);
    });
    return Promise.resolve(near);
  }
}
