// `sd_notify` datagrams on a simulated host: Unix datagram sockets that one process hears and others send to.
// Decides that each datagram comes whole or not at all, and that one that nobody takes in time is lost.

import { HanaError } from "../../base/mod.ts";
import { MAX_UNIX_PATH_BYTES, unixPathError } from "../limits.ts";
import type { NotifyListener } from "../mod.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import type { Held, ProcessLife } from "./process_life.ts";

const SOCKET_MODE = 0o600;
const NOTIFY_US = 20;
/** Datagrams that wait at a socket whose process does not run (Linux: net.unix.max_dgram_qlen). */
const MAX_WAITING = 10;

class SimulatedNotifyListener implements NotifyListener, Held {
  readonly #engine: Engine;
  readonly #disk: SimulatedDisk;
  readonly #life: ProcessLife;
  readonly #path: string;
  readonly #onMessage: (bytes: Uint8Array) => void;
  #isOpen = true;
  #waiting = 0;

  constructor(
    engine: Engine,
    disk: SimulatedDisk,
    life: ProcessLife,
    path: string,
    onMessage: (bytes: Uint8Array) => void,
  ) {
    this.#engine = engine;
    this.#disk = disk;
    this.#life = life;
    this.#path = path;
    this.#onMessage = onMessage;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#life.drop(this);
    this.#disk.unbindSocket(this.#path, this, true);
  }

  onProcessEnded(): void {
    this.#isOpen = false;
    this.#disk.unbindSocket(this.#path, this, false);
  }

  /** Takes a datagram in; false when too many wait. */
  take(bytes: Uint8Array): boolean {
    if (this.#waiting >= MAX_WAITING) return false;
    this.#waiting++;
    this.#engine.after(NOTIFY_US, () =>
      this.#life.cpu.run(() => {
        this.#waiting--;
        if (this.#isOpen) this.#hand(bytes);
      }));
    return true;
  }

  #hand(bytes: Uint8Array): void {
    const lent = this.#engine.lend(bytes);
    try {
      this.#onMessage(lent);
    } catch (thrown) {
      this.#engine.crash(thrown, `notify socket ${this.#path} on ${this.#life.hostName}`);
    }
    this.#engine.takeBack(lent);
  }
}

/** Hears datagrams on a path, for a process. Throws `config`, `address-in-use`, `storage`. */
export function listenNotify(
  engine: Engine,
  disk: SimulatedDisk,
  life: ProcessLife,
  path: string,
  onMessage: (bytes: Uint8Array) => void,
): NotifyListener {
  const length = new TextEncoder().encode(path).length;
  if (length > MAX_UNIX_PATH_BYTES) throw unixPathError(path, length);
  const listener = new SimulatedNotifyListener(engine, disk, life, path, onMessage);
  const what = `cannot listen on ${path}`;
  try {
    if (!disk.bindSocket(path, listener, SOCKET_MODE)) {
      throw new HanaError("address-in-use", { what, why: "something is there already" });
    }
  } catch (thrown) {
    if (thrown instanceof HanaError && thrown.code === "address-in-use") throw thrown;
    const why = thrown instanceof HanaError ? thrown.why : String(thrown);
    throw new HanaError("storage", { what, why });
  }
  life.hold(listener);
  return listener;
}

/** Sends a datagram to a path; false when nobody hears it there or too many wait. */
export function sendNotify(disk: SimulatedDisk, path: string, bytes: Uint8Array): boolean {
  const listener = disk.listenerAt(path);
  return listener instanceof SimulatedNotifyListener && listener.take(bytes.slice());
}
