// What is kept of runs: their lines as they come, and the bundle of each that ended.
// Decides which run a line belongs to: the last words of one that crashed come after its end, while the next one is
// starting already. Nothing here is done between a crash and the next start: that comes first.

import type { SupervisorPlatform } from "../../platform/mod.ts";
import type { Journal } from "../journal/mod.ts";
import { BundleKeeper, type LogBook, SampleRing } from "../logs/mod.ts";
import type {
  CrashBundle,
  ExitRecord,
  LogRecord,
  ProgramSnapshot,
  ProgramSpec,
  ResourceSample,
} from "../model/mod.ts";
import { diffSpecs } from "../spec/mod.ts";
import type { Agenda } from "./agenda.ts";

/** How long the last words of a run are waited for: a grandchild may hold the pipes for ever (process-compose #258). */
const DRAIN_US = 500_000;
/** The next try of a bundle that the disk refused. */
const RETRY_US = 5_000_000;
/** Lines that a bundle holds. */
const BUNDLE_LINES = 200;

/** What an archive works with. */
export interface ArchiveOptions {
  readonly platform: SupervisorPlatform;
  readonly agenda: Agenda;
  readonly directory: string;
  readonly logs: LogBook;
  readonly journal: Journal;
}

interface Ended {
  readonly exit: ExitRecord;
  readonly snapshot: ProgramSnapshot;
  readonly samples: readonly ResourceSample[];
  readonly changes: readonly string[];
}

/** Keeps runs. */
export class RunArchive {
  readonly samples = new SampleRing();
  /** Pieces of output that came too late to belong to a run. */
  dropped = 0;
  readonly #options: ArchiveOptions;
  readonly #bundles: BundleKeeper;
  #ended: Ended | null = null;
  /** A run that has begun and written nothing yet. */
  #begun: { readonly run: number; readonly atUs: number } | null = null;
  #goodSpec: ProgramSpec | null = null;

  constructor(options: ArchiveOptions) {
    this.#options = options;
    this.#bundles = new BundleKeeper({ files: options.platform.files, directory: options.directory });
  }

  /** A run has begun. */
  startRun(run: number): void {
    this.samples.clear();
    this.#begun = { run, atUs: this.#options.platform.clock.nowUs() };
    if (this.#ended === null) this.#settle();
  }

  /** A run wrote something. */
  handleBytes(run: number, stream: "stdout" | "stderr", bytes: Uint8Array): void {
    if (run === this.#begun?.run) this.#settle();
    // Somebody of an earlier run that may live on: its lines would be taken for the present one's.
    if (run < this.#options.logs.run) return void this.dropped++;
    this.#options.logs.handleBytes(this.#options.platform.clock.nowUs(), stream, bytes);
  }

  /** The present run is as it should be: what changes later is compared with this. */
  noteGood(spec: ProgramSpec): void {
    this.#goodSpec = spec;
  }

  /** A run has ended; its last words may still come. */
  endRun(exit: ExitRecord, snapshot: ProgramSnapshot, spec: ProgramSpec): void {
    this.#settle();
    this.#ended = {
      exit,
      snapshot,
      samples: this.samples.list(),
      changes: this.#goodSpec === null ? [] : diffSpecs(this.#goodSpec, spec),
    };
    const { agenda, platform } = this.#options;
    agenda.set("archive", platform.clock.nowUs() + DRAIN_US, () => this.#settle());
  }

  /** Nothing more will come of a run. */
  noteDrained(run: number): void {
    if (run === this.#ended?.exit.run) this.#settle();
  }

  /** What is known of a run that ended, the newest one unless given; null where nothing is. */
  bundle(run?: number): CrashBundle | null {
    this.#settle();
    const bundle = this.#bundles.bundle(run);
    if (bundle === null) return null;
    // What was done after it, up to now, belongs to it too.
    const since = this.#options.journal.eventsAfter(bundle.events.at(-1)?.seq ?? 0);
    const after = since.filter((event) => event.run === bundle.snapshot.run);
    return { ...bundle, events: [...bundle.events, ...after] };
  }

  /** Writes everything. */
  close(): void {
    this.#settle();
    this.#bundles.flush();
  }

  #settle(): void {
    const { platform, agenda, logs, journal } = this.#options;
    const ended = this.#ended;
    if (ended !== null) {
      this.#ended = null;
      const { exit, snapshot, samples, changes } = ended;
      const lines: LogRecord[] = logs.lastLines(exit.run, BUNDLE_LINES);
      const events = journal.eventsOf(exit.run);
      this.#bundles.keep({ snapshot, events, lines, samples, changes });
      agenda.set("archive", platform.clock.nowUs(), () => this.#flush());
    }
    const begun = this.#begun;
    this.#begun = null;
    if (begun !== null) logs.startRun(begun.run, begun.atUs);
    else if (ended !== null) logs.endRun(platform.clock.nowUs());
  }

  #flush(): void {
    if (this.#bundles.flush()) return;
    const { platform, agenda } = this.#options;
    agenda.set("archive", platform.clock.nowUs() + RETRY_US, () => this.#flush());
  }
}
