// The machine's hardware: what is built in, and how busy it is.
// Decides what can be known of a machine; never how it is found out (deno/hardware, simulated) and never what the mesh
// is told of it (lib/node/resources.ts). Every field is optional: a machine that does not say is a machine like any other.

/** A graphics card. */
export interface GpuFacts {
  /** `nvidia`, `amd`, `intel`, `apple`, or the PCI vendor in hex. */
  readonly vendor?: string;
  readonly name?: string;
  /** Its own memory in MiB; not known of cards that share the machine's. */
  readonly vramMb?: number;
}

/** A display that is connected, in its preferred mode. */
export interface DisplayFacts {
  readonly name?: string;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly refreshHz?: number;
}

/** What a machine has. It may change while hana runs (a projector is plugged in); reading again tells. */
export interface MachineFacts {
  readonly cpu?: { readonly model?: string; readonly cores: number };
  readonly memory?: { readonly totalMb: number };
  readonly gpus?: readonly GpuFacts[];
  readonly displays?: readonly DisplayFacts[];
}

/** How busy one graphics card is. */
export interface GpuLoad {
  /** 0 to 100. */
  readonly busyPercent?: number;
  /** Free memory of its own in MiB. */
  readonly vramFreeMb?: number;
}

/** How busy a machine is. */
export interface MachineLoad {
  /** Of all cores together since the last reading, 0 to 100; not known at the first. */
  readonly cpuPercent?: number;
  /** What programs could still take, in MiB. */
  readonly memoryFreeMb?: number;
  /** In the order of {@linkcode MachineFacts.gpus} as far as they tell. */
  readonly gpus?: readonly GpuLoad[];
}

/** Reads the load again and again. Each reader has its own "since the last reading". */
export interface LoadReader {
  /** How busy the machine is now. Costs well under a millisecond and never throws. */
  read(): MachineLoad;
  /** Ends what was started for it. */
  close(): void;
}

/** The hardware of a machine. */
export interface Hardware {
  /** Reads what the machine has. Takes seconds at most, whatever hangs, and never rejects: what fails is left out. */
  read(): Promise<MachineFacts>;
  /** Starts watching the load; null where nothing of it can be known. */
  openLoad(): LoadReader | null;
}
