// Hears sd_notify datagrams on a Unix socket (sd_notify(3), "Notes": one datagram a message).
// Decides who may send (the socket is its owner's alone) and that a file left over by a crash is cleared only when
// nobody listens behind it. Never reads what the messages say.

import { HanaError } from "../../base/mod.ts";
import type { NotifyListener } from "../mod.ts";
import { MAX_UNIX_PATH_BYTES, unixPathError } from "../limits.ts";
import type { CrashReporter } from "./crash.ts";

/** Bytes of the longest message; the rest of a longer one is lost. systemd itself reads 4096. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** Permissions that are taken away from a new socket: everybody else's, and execution. */
const OWNER_ALONE = 0o177;
/** How long a listener with a full queue is waited for before it counts as one. */
const PROBE_MS = 50;
/** What is appended to a path for the probe's own address. */
const PROBE_SUFFIX = ".probe";

function notifyError(thrown: unknown, path: string): HanaError {
  if (thrown instanceof HanaError) return thrown;
  const what = `cannot hear notifications on unix://${path}`;
  if (thrown instanceof Deno.errors.AddrInUse) {
    return new HanaError("address-in-use", { what, why: "another process hears there", cause: thrown });
  }
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new HanaError("storage", { what, why, hint: "check who owns its directory", cause: thrown });
}

function listen(path: string): Deno.DatagramConn {
  const before = Deno.umask(OWNER_ALONE);
  try {
    return Deno.listenDatagram({ transport: "unixpacket", path });
  } finally {
    Deno.umask(before);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody else has removed it.
  }
}

/** Whether somebody hears on a path: an empty message reaches a listener, and nobody takes it for a word. */
async function isHeard(path: string): Promise<boolean> {
  const from = path + PROBE_SUFFIX;
  remove(from);
  const socket = listen(from);
  try {
    let timer: number | undefined;
    const waiting = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(true), PROBE_MS));
    const sending = socket.send(new Uint8Array(0), { transport: "unixpacket", path }).then(
      () => true,
      (thrown) => {
        if (
          thrown instanceof Deno.errors.ConnectionRefused || thrown instanceof Deno.errors.NotFound
        ) return false;
        return true;
      },
    );
    const heard = await Promise.race([sending, waiting]);
    clearTimeout(timer);
    return heard;
  } finally {
    socket.close();
    remove(from);
  }
}

/** Replaces a file without a listener; whatever is no socket stays. */
async function listenOver(path: string, thrown: unknown): Promise<Deno.DatagramConn> {
  if (!(thrown instanceof Deno.errors.AddrInUse)) throw thrown;
  if (!Deno.lstatSync(path).isSocket || await isHeard(path)) throw thrown;
  remove(path);
  return listen(path);
}

class Listener implements NotifyListener {
  readonly #socket: Deno.DatagramConn;
  readonly #path: string;
  readonly #onMessage: (bytes: Uint8Array) => void;
  readonly #crashes: CrashReporter;
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES);
  #closed = false;

  constructor(
    socket: Deno.DatagramConn,
    path: string,
    onMessage: (bytes: Uint8Array) => void,
    crashes: CrashReporter,
  ) {
    this.#socket = socket;
    this.#path = path;
    this.#onMessage = onMessage;
    this.#crashes = crashes;
    void this.#receive();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    remove(this.#path);
  }

  async #receive(): Promise<void> {
    while (!this.#closed) {
      try {
        const [bytes] = await this.#socket.receive(this.#buffer);
        if (bytes.length > 0 && !this.#closed) this.#tell(bytes);
      } catch {
        // A datagram socket has no peer to lose: it was closed, or the system is out of memory for a moment.
        if (!this.#closed) await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
      }
    }
  }

  #tell(bytes: Uint8Array): void {
    try {
      this.#onMessage(bytes);
    } catch (thrown) {
      this.#crashes.crash(thrown, `notifications on ${this.#path}`);
    }
  }
}

/** Hears on `path`. Rejects with `address-in-use`, `storage` and `unsupported`. */
export async function listenNotify(
  path: string,
  onMessage: (bytes: Uint8Array) => void,
  crashes: CrashReporter,
): Promise<NotifyListener> {
  if (Deno.build.os === "windows") {
    throw new HanaError("unsupported", {
      what: `unix://${path}`,
      why: "this system has no Unix datagram sockets",
    });
  }
  const length = new TextEncoder().encode(path).length;
  if (length > MAX_UNIX_PATH_BYTES) throw unixPathError(path, length);
  try {
    let socket: Deno.DatagramConn;
    try {
      socket = listen(path);
    } catch (thrown) {
      socket = await listenOver(path, thrown);
    }
    return new Listener(socket, path, onMessage, crashes);
  } catch (thrown) {
    throw notifyError(thrown, path);
  }
}
