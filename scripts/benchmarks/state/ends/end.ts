// One end of a system on a network, as the benchmark needs it: a process that hosts, writes or reads sixteen faders.
// Decides nothing: each file beside it is one system, through its own client and server.

/** The faders of a run. The first one carries the number of the write. */
export const FADERS = 16;
/** A fader has values from 0 to 1; this many of them are told apart exactly as floats of four bytes. */
export const STEPS = 65_536;

/** What a process is. */
export type EndRole = "host" | "writer" | "reader";

/** How it is opened. */
export interface EndOptions {
  readonly role: EndRole;
  /** Where the host is; empty for the host itself. */
  readonly address: string;
  /** Empty, short, shared by all of a run. */
  readonly directory: string;
  /** The first fader has another value. */
  onValue(value: number): void;
}

/** One end. */
export interface End {
  /** Where the others find it; empty for who is no host. */
  readonly address: string;
  /** Writes the first faders, all together. */
  write(values: readonly number[]): void;
  close(): Promise<void>;
}

/** Opens one; resolves when it has everything. */
export type OpenEnd = (options: EndOptions) => Promise<End>;

/** When what is written. */
export interface Schedule {
  /** Faders in each write. */
  readonly faders: number;
  readonly count: number;
  /** The pause between two writes, in milliseconds: from one to the other, evenly. */
  readonly gapMs: readonly [number, number];
}

/** What an end is started with. */
export interface EndTask {
  readonly system: "hana" | "colyseus" | "yjs";
  readonly role: EndRole;
  readonly address: string;
  readonly directory: string;
}
