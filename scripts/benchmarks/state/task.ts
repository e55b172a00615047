// What a driver is told to do and what it answers. Decides names and units.

/** One run of the driver. */
export interface Task {
  readonly system: string;
  readonly part: "patches" | "growth";
  /** How long each load is warmed up and measured, in milliseconds, and how many patches at most. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly maxPatches: number;
  /** Frames of sixteen faders, for growth. */
  readonly frames: number;
}

/** What the driver of hana's own figures is told. */
export interface OwnTask {
  readonly part: "merging" | "capacity" | "joining";
  /** How long each load is warmed up and measured, in milliseconds. */
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Parts that run live processes. */
export type LivePart = "latency" | "crowd" | "arrivals" | "failover" | "soak";

/** What is told to the program that measures live processes. */
export interface LiveTask {
  readonly part: LivePart;
  readonly systems: readonly ("hana" | "colyseus" | "yjs")[];
  /** Of this run, with what is compared in it. */
  readonly directory: string;
  readonly isQuick: boolean;
  readonly minutes: number;
}

/** What a patch takes: bytes as handed to a connection, microseconds as medians. */
export interface PatchFigures {
  readonly patches: number;
  /** From the writer to the host, and from the host to each reader. */
  readonly upBytes: number;
  readonly downBytes: number;
  /** To make the edits and say them. */
  readonly writeUs: number;
  /** To hear them, merge them and say what changed. */
  readonly relayUs: number;
  /** To hear that and have it. */
  readonly readUs: number;
  /** What else they do for it: the writer's own copy, acknowledgements. */
  readonly settleUs: number;
  /** Processor time of all of it, on average: with the collector and the compiler. */
  readonly cpuUs: number;
}

/** What a long session leaves behind. */
export interface GrowthFigures {
  readonly frames: number;
  /** What a newcomer is sent before and after, with names and types, and those alone. */
  readonly beforeBytes: number;
  readonly afterBytes: number;
  readonly schemaBytes: number;
  /** How long it takes to make and take that. */
  readonly joinUs: number;
  /** By how much the memory of all ends together grew. */
  readonly heapBytes: number;
  readonly frameUs: number;
}

/** What the driver says. */
export interface Answer {
  readonly patches: Readonly<Record<string, PatchFigures>>;
  readonly growth: GrowthFigures | null;
}
