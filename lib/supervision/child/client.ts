// A program that speaks the child protocol, for TypeScript programs and for hana itself.
// Decides how the shim is reached and what waits to be sent; what is said stands in client_core.ts.
// Never beats on its own: a heartbeat from a timer would hide a picture that froze.

import { HanaError } from "../../base/mod.ts";
import type { ByteStream, Platform, StreamAddress, TimerHandle } from "../../platform/mod.ts";
import { type Beat, ChildClientCore, type ClientEvent } from "./client_core.ts";
import { readEnvironment } from "./environment.ts";
import type { ChildCapability } from "./messages.ts";

/** How long a goodbye waits for the shim to close. */
const BYE_US = 500_000;
/** What may wait for a shim that does not read; what goes beyond is dropped and counted. */
const MAX_WAITING_BYTES = 256 * 1024;

/** What a program does when it is asked. */
export interface ChildClientHandlers {
  /** Asked to end within the grace, in microseconds. Say {@linkcode ChildClient.bye} and end with code 0. */
  onStop?(graceUs: number, reason: string): void;
  /** Asked to load its files anew, or this one. */
  onReload?(path: string | null): void;
  /** Asked to write down what it knows of its state. */
  onDump?(): void;
  /** The connection is gone: the shim ended, or refused us. Drawing goes on. */
  onClosed?(): void;
}

/** How a client introduces itself. */
export interface ChildClientOptions extends ChildClientHandlers {
  /** The name that it says; HANA_NAME unless given. */
  readonly name?: string;
  readonly sdk?: string;
}

/** The platform's parts that a client needs. */
export type ChildClientPlatform = Pick<Platform, "streams" | "clock" | "timers">;

/** A connection to the shim. Every method is harmless once it is gone. */
export class ChildClient {
  readonly #platform: ChildClientPlatform;
  readonly #stream: ByteStream;
  readonly #core: ChildClientCore;
  readonly #handlers: ChildClientHandlers;
  readonly #welcome = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #encoder = new TextEncoder();
  #waiting = "";
  #isWriting = false;
  #isEnding = false;
  #isOpen = true;
  #timer: TimerHandle | null = null;
  #run = 0;
  #lastExit: string | null = null;
  #dropped = 0;

  private constructor(
    platform: ChildClientPlatform,
    stream: ByteStream,
    core: ChildClientCore,
    handlers: ChildClientHandlers,
  ) {
    this.#platform = platform;
    this.#stream = stream;
    this.#core = core;
    this.#handlers = handlers;
  }

  /**
   * Connects to the shim that the environment names, and says hello. Null where it names none: the program was started
   * by hand. Rejects with `unreachable` or `not-found` when nobody listens there, `config` for values that cannot be.
   */
  static async connect(
    platform: ChildClientPlatform,
    environment: Readonly<Record<string, string | undefined>>,
    options: ChildClientOptions = {},
  ): Promise<ChildClient | null> {
    const told = readEnvironment(environment);
    if (told === null) return null;
    const stream = await platform.streams.connect(addressOf(told.socket));
    const caps: ChildCapability[] = ["hb", "stop", "frame"];
    if (options.onReload !== undefined) caps.push("reload");
    if (options.onDump !== undefined) caps.push("dump");
    const core = new ChildClientCore({
      token: told.token,
      name: options.name ?? told.name,
      sdk: options.sdk ?? "hana",
      caps,
      run: told.run,
      heartbeatUs: told.heartbeatUs,
    });
    const client = new ChildClient(platform, stream, core, options);
    client.#open();
    return client;
  }

  /** Resolves when the shim has welcomed us, and when it never will: {@linkcode isOpen} tells which. */
  get welcome(): Promise<void> {
    return this.#welcome.promise;
  }
  /** Resolves when the connection is gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }
  get isOpen(): boolean {
    return this.#isOpen;
  }
  /** Which run this is, counted from 1; 0 before the welcome. */
  get run(): number {
    return this.#run;
  }
  /** How the run before ended; null before the welcome and where there was none. */
  get lastExit(): string | null {
    return this.#lastExit;
  }
  /** How often the shim wants a heartbeat, in microseconds. */
  get heartbeatUs(): number {
    return this.#core.heartbeatUs;
  }
  /** Lines that the shim did not read in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The first picture stands. Once. */
  ready(): void {
    this.#send(this.#core.ready());
  }

  /** Call it with every picture: `n` counts them. A heartbeat goes out whenever one is due. */
  frame(n: number, figures: Omit<Beat, "frame"> = {}): void {
    this.#send(this.#core.maybeBeat(this.#platform.clock.nowUs(), { ...figures, frame: n }));
  }

  /** A heartbeat now, from the loop that draws. */
  beat(beat: Beat = {}): void {
    this.#send(this.#core.beat(this.#platform.clock.nowUs(), beat));
  }

  /**
   * Heartbeats by a timer, for programs whose loop cannot call {@linkcode frame}. `frames` is asked each time for the
   * counter of pictures, so that a frozen picture shows. Throws `usage` without one: such a heart would beat for a
   * program that hangs. Returns how to stop it.
   */
  beatByTimer(frames: () => number): () => void {
    if (typeof frames !== "function") {
      throw new HanaError("usage", {
        what: "heartbeats by a timer without a frame counter",
        why: "a timer goes on while the picture stands still, and nobody would notice",
        hint: "client.beatByTimer(() => framesDrawn)",
      });
    }
    this.#timer?.cancel();
    const beat = (): void => {
      this.beat({ frame: frames() });
      const { clock, timers } = this.#platform;
      this.#timer = this.#isOpen ? timers.schedule(clock.nowUs() + this.#core.heartbeatUs, beat) : null;
    };
    beat();
    return () => {
      this.#timer?.cancel();
      this.#timer = null;
    };
  }

  /** A few words for people, and how far it got in percent. */
  status(text: string, pct: number | null = null): void {
    this.#send(this.#core.status(text, pct));
  }

  /** Asks for more time before silence counts, 120 s at most, in microseconds. */
  extend(us: number, why: string): void {
    this.#send(this.#core.extend(us, why));
  }

  /** Something broke. `fatal`: another try is needed. */
  fault(code: string, options: { readonly fatal?: boolean; readonly text?: string } = {}): void {
    this.#send(this.#core.fault(code, options.fatal ?? false, options.text ?? ""));
  }

  /** Says goodbye and ends the connection; resolves when it is gone. */
  async bye(reason: string): Promise<void> {
    this.#stopTimer();
    if (!this.#isOpen) return;
    this.#isEnding = true;
    this.#send(this.#core.bye(reason));
    const { clock, timers } = this.#platform;
    const cap = timers.schedule(clock.nowUs() + BYE_US, () => this.close());
    await this.#closed.promise;
    cap.cancel();
  }

  /** Ends the connection without a word. */
  close(): void {
    this.#stopTimer();
    if (this.#isOpen) this.#stream.abort();
  }

  #open(): void {
    this.#stream.open({
      onData: (bytes) =>
        this.#core.handleBytes(bytes, (event) => this.#handle(event), (line) => this.#send(line)),
      onWritten: () => {
        this.#isWriting = false;
        this.#flush();
      },
      // A shim that ends its side is done with us.
      onEnd: () => this.#stream.abort(),
      onClose: () => {
        this.#isOpen = false;
        this.#stopTimer();
        this.#welcome.resolve();
        this.#closed.resolve();
        this.#handlers.onClosed?.();
      },
    });
    this.#send(this.#core.hello());
  }

  #handle(event: ClientEvent): void {
    switch (event.kind) {
      case "welcome":
        this.#run = event.run;
        this.#lastExit = event.lastExit;
        this.#welcome.resolve();
        return;
      case "stop":
        this.#handlers.onStop?.(event.graceUs, event.reason);
        return;
      case "reload":
        this.#handlers.onReload?.(event.path);
        return;
      case "dump":
        this.#handlers.onDump?.();
        return;
    }
  }

  #send(line: string | null): void {
    if (line === null || !this.#isOpen) return;
    if (this.#waiting.length + line.length > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting += line;
    this.#flush();
  }

  #flush(): void {
    if (this.#isWriting || !this.#isOpen) return;
    if (this.#waiting === "") {
      if (this.#isEnding) this.#stream.closeWrite();
      return;
    }
    const bytes = this.#encoder.encode(this.#waiting);
    this.#waiting = "";
    this.#isWriting = true;
    this.#stream.write(bytes);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

/** HANA_SOCK as an address: a path, `tcp://127.0.0.1:port`, or a pipe's path. Throws `config`. */
function addressOf(text: string): StreamAddress {
  const tcp = /^tcp:\/\/(127\.0\.0\.1):([0-9]{1,5})$/.exec(text);
  if (tcp !== null) return { kind: "tcp", host: tcp[1] ?? "", port: Number(tcp[2]) };
  const pipe = /^\\\\\.\\pipe\\(.+)$/.exec(text);
  if (pipe !== null) return { kind: "pipe", name: pipe[1] ?? "" };
  if (text.includes("://")) {
    throw new HanaError("config", {
      what: `HANA_SOCK=${text}`,
      why: "is neither a path nor tcp://127.0.0.1:PORT",
    });
  }
  return { kind: "unix", path: text };
}
