// Where other nodes were when we last ran, kept on disk: on a network that filters multicast, and with no seed named, a
// node that was restarted finds its mesh again by asking them (discovery research 6.1).
// Decides what is kept (64 nodes, for seven days) and when it is used: by a node that is alone a moment after its start,
// since everywhere else asking would be a burst for nothing. Nobody in it is believed before he answers.

import type { DiscoveryService, RegistryEntry } from "../discovery/mod.ts";
import type { Platform, TimerHandle } from "../platform/mod.ts";

const FILE_NAME = "peers.json";
const MAX_PEERS = 64;
const MAX_AGE_MS = 7 * 86_400_000;
/** A file of this size was not written by us. */
const MAX_FILE_BYTES = 65_536;
/** When a node that still knows nobody asks those of its last life, in µs after its start. */
const ALONE_AFTER_US = 1_500_000;
/** How long changes are collected before they are written, in µs. */
const WRITE_AFTER_US = 5_000_000;

interface CachedPeer {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly seenMs: number;
}

/** Remembers nodes from one life to the next. */
export class PeerCache {
  readonly #path: string;
  #peers: CachedPeer[] = [];
  #written = "";
  #askTimer: TimerHandle | null = null;
  #writeTimer: TimerHandle | null = null;
  #unsubscribe: (() => void) | null = null;
  /** Files that could not be read or written; the cache is a help, so that nothing depends on it. */
  failures = 0;

  /** @param directory the node's own directory @param meshPort the port that all nodes of the mesh share */
  constructor(
    readonly platform: Platform,
    directory: string,
    readonly discovery: DiscoveryService,
    readonly meshPort: number,
  ) {
    this.#path = `${directory}/${FILE_NAME}`;
  }

  /** Reads what is there, and follows the registry from now on. */
  start(): void {
    this.#peers = this.#read();
    this.#written = keyOf(this.#peers);
    const { clock, timers } = this.platform;
    if (this.#peers.length > 0) {
      this.#askTimer = timers.schedule(clock.nowUs() + ALONE_AFTER_US, () => this.#maybeAsk());
    }
    this.#unsubscribe = this.discovery.registry.subscribe(({ op }) => {
      if (op === "add") this.#writeSoon();
    });
  }

  /** Writes what is new and stops. */
  stop(): void {
    this.#unsubscribe?.();
    this.#askTimer?.cancel();
    this.#writeTimer?.cancel();
    if (this.#unsubscribe !== null) this.#write();
    this.#unsubscribe = null;
  }

  #maybeAsk(): void {
    this.#askTimer = null;
    if (this.discovery.registry.presentCount > 0) return;
    // The shared port first, since a new process of a node has another one of its own.
    for (const { host } of this.#peers) this.discovery.addHint({ host, port: this.meshPort });
    for (const { host, port } of this.#peers) this.discovery.addHint({ host, port });
  }

  #writeSoon(): void {
    if (this.#writeTimer !== null) return;
    const { clock, timers } = this.platform;
    this.#writeTimer = timers.schedule(clock.nowUs() + WRITE_AFTER_US, () => {
      this.#writeTimer = null;
      this.#write();
    });
  }

  #write(): void {
    const nowMs = this.platform.clock.wallMs();
    const present = this.discovery.registry.snapshot().filter(isWorthKeeping).map((entry) => ({
      id: entry.record.id,
      host: entry.from.host,
      port: entry.from.port,
      seenMs: nowMs,
    }));
    const ids = new Set<string>(present.map(({ id }) => id));
    const peers = [...present, ...this.#peers.filter(({ id }) => !ids.has(id))].slice(0, MAX_PEERS);
    if (keyOf(peers) === this.#written) return;
    try {
      const text = JSON.stringify({ schema: "hana.peers/1", peers });
      this.platform.files.write(this.#path, new TextEncoder().encode(text), 0o600);
      this.#peers = peers;
      this.#written = keyOf(peers);
    } catch {
      this.failures++;
    }
  }

  #read(): CachedPeer[] {
    try {
      const bytes = this.platform.files.read(this.#path);
      if (bytes === null || bytes.length > MAX_FILE_BYTES) return [];
      const { peers } = JSON.parse(new TextDecoder().decode(bytes)) as { peers?: unknown };
      if (!Array.isArray(peers)) return [];
      const nowMs = this.platform.clock.wallMs();
      // A clock that was set back makes everything look new, which does no harm.
      return peers.filter(isCachedPeer).filter(({ seenMs }) => nowMs - seenMs < MAX_AGE_MS).slice(
        0,
        MAX_PEERS,
      );
    } catch {
      this.failures++;
      return [];
    }
  }
}

function isWorthKeeping(entry: RegistryEntry): boolean {
  return (entry.state === "alive" || entry.state === "suspect") && !entry.relayed;
}

function isCachedPeer(value: unknown): value is CachedPeer {
  if (typeof value !== "object" || value === null) return false;
  const { id, host, port, seenMs } = value as Record<string, unknown>;
  return typeof id === "string" && typeof host === "string" && host.length <= 64 &&
    Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536 && Number.isFinite(seenMs);
}

/** What of the peers is worth a write: who and where, not when. */
function keyOf(peers: readonly CachedPeer[]): string {
  return peers.map(({ id, host, port }) => `${id} ${host} ${port}`).sort().join("\n");
}
