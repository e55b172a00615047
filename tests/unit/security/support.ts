// What the tests of lib/security share: a seeded random stream, files in memory, a pair of channels and its wires.

import type { AppendedFile, Files, FileStat, RandomStream } from "../../../lib/platform/mod.ts";
import {
  type ChannelContext,
  ChannelCounters,
  type KeyRing,
  loadSessionSuite,
  MeshKey,
  MeshKeyRing,
  ReplayGuard,
  SecureChannel,
} from "../../../lib/security/mod.ts";

/** A generator that is good for tests alone: the same seed, the same draws. */
export function seededRandom(seed: number): RandomStream {
  let state = seed >>> 0;
  const u32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  return {
    u32,
    float: () => u32() / 2 ** 32,
    fill: (target) => {
      for (let i = 0; i < target.length; i++) target[i] = u32() & 0xff;
      return target;
    },
  };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** One file of {@linkcode MemoryFiles}. */
export interface MemoryFile {
  bytes: Uint8Array;
  kind: FileStat["kind"];
  mode: number | null;
  userId: number | null;
}

/** Files in memory, as far as key files need them. */
export class MemoryFiles implements Files {
  readonly entries = new Map<string, MemoryFile>();

  constructor(private readonly userId: number | null = 1000) {}

  read(path: string): Uint8Array | null {
    return this.entries.get(path)?.bytes ?? null;
  }

  write(path: string, bytes: Uint8Array, mode: number): void {
    this.entries.set(path, { bytes: bytes.slice(), kind: "file", mode, userId: this.userId });
  }

  remove(path: string): boolean {
    return this.entries.delete(path);
  }

  makeDirectory(): void {}

  stat(path: string): FileStat | null {
    const file = this.entries.get(path);
    if (file === undefined) return null;
    return { kind: file.kind, size: file.bytes.length, mode: file.mode, userId: file.userId };
  }

  list(): string[] {
    return [...this.entries.keys()].sort();
  }

  lock(): null {
    return null;
  }

  openAppend(path: string, mode: number): AppendedFile {
    if (!this.entries.has(path)) this.write(path, new Uint8Array(0), mode);
    const bytesNow = (): Uint8Array => this.read(path) ?? new Uint8Array(0);
    return {
      get size(): number {
        return bytesNow().length;
      },
      append: (bytes) => this.write(path, concat(bytesNow(), bytes), mode),
      sync: () => {},
      close: () => {},
    };
  }

  readAt(path: string, offset: number, length: number): Uint8Array | null {
    return this.read(path)?.slice(offset, offset + length) ?? null;
  }

  rename(from: string, to: string): boolean {
    const file = this.entries.get(from);
    if (file === undefined) return false;
    this.entries.delete(from);
    this.entries.set(to, file);
    return true;
  }

  isExecutable(path: string): boolean {
    return ((this.entries.get(path)?.mode ?? 0) & 0o111) !== 0;
  }

  freeBytes(): null {
    return null;
  }
}

/** A key that depends on `number` alone. */
export function testKey(number: number, name: string | null = null): MeshKey {
  return new MeshKey(seededRandom(number).fill(new Uint8Array(32)), name, 1_763_619_420_000 + number);
}

/** A ring of one or two such keys. */
export function testRing(primary: number, previous?: number): MeshKeyRing {
  return new MeshKeyRing(testKey(primary), previous === undefined ? null : testKey(previous));
}

const suite = await loadSessionSuite();

/** A context of its own counters and memory. */
export function testContext(ring: KeyRing, overrides: Partial<ChannelContext> = {}): ChannelContext {
  return {
    suite,
    ring,
    random: seededRandom(contexts++),
    counters: new ChannelCounters(),
    replayGuard: new ReplayGuard(),
    ...overrides,
  };
}

let contexts = 1;

/** A channel with what came out of it. */
export class Endpoint {
  readonly received: Uint8Array[] = [];

  constructor(readonly channel: SecureChannel) {}

  /** Everything received, joined. */
  get text(): string {
    return this.received.map((bytes) => new TextDecoder().decode(bytes)).join("|");
  }

  feed(bytes: Uint8Array): ReturnType<SecureChannel["handleBytes"]> {
    return this.channel.handleBytes(bytes, { onPlaintext: (plain) => this.received.push(plain.slice()) });
  }

  /** The next bytes for the peer; empty when there are none. */
  output(): Uint8Array {
    return this.channel.pollOutput() ?? new Uint8Array(0);
  }

  seal(plain: string | Uint8Array): Uint8Array {
    const bytes = typeof plain === "string" ? new TextEncoder().encode(plain) : plain;
    const out = new Uint8Array(SecureChannel.sealedLength(bytes.length));
    const written = this.channel.sealInto(out, bytes);
    if (written !== out.length) throw new Error("sealInto wrote another length than it had said");
    return out;
  }
}

/** A dialler and a listener that have not spoken. */
export function endpoints(
  dialler: ChannelContext,
  listener: ChannelContext,
): { dialler: Endpoint; listener: Endpoint } {
  return {
    dialler: new Endpoint(SecureChannel.dial(dialler)),
    listener: new Endpoint(SecureChannel.listen(listener)),
  };
}

/** A pair after the handshake; the listener has had the record "hello". */
export function connected(
  dialler: ChannelContext,
  listener: ChannelContext,
): { dialler: Endpoint; listener: Endpoint } {
  const pair = endpoints(dialler, listener);
  pair.listener.feed(pair.dialler.output());
  pair.dialler.feed(pair.listener.output());
  pair.listener.feed(pair.dialler.seal("hello"));
  return pair;
}

/** `bytes` with one bit turned over. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const altered = bytes.slice();
  altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return altered;
}
