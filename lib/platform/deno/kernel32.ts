// The calls of Windows about processes and jobs, through kernel32.
// NOT RUN on Windows so far: written from the platform's documentation, sizes and offsets for 64-bit Windows.
// Decides nothing but how structures are laid out; every handle that is opened here is closed here, but for jobs.

const SYMBOLS = {
  CreateToolhelp32Snapshot: { parameters: ["u32", "u32"], result: "pointer" },
  Process32FirstW: { parameters: ["pointer", "buffer"], result: "i32" },
  Process32NextW: { parameters: ["pointer", "buffer"], result: "i32" },
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "pointer" },
  CloseHandle: { parameters: ["pointer"], result: "i32" },
  GetProcessTimes: { parameters: ["pointer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  GetExitCodeProcess: { parameters: ["pointer", "buffer"], result: "i32" },
  K32GetProcessMemoryInfo: { parameters: ["pointer", "buffer", "u32"], result: "i32" },
  TerminateProcess: { parameters: ["pointer", "u32"], result: "i32" },
  CreateJobObjectW: { parameters: ["pointer", "pointer"], result: "pointer" },
  SetInformationJobObject: { parameters: ["pointer", "i32", "buffer", "u32"], result: "i32" },
  QueryInformationJobObject: { parameters: ["pointer", "i32", "buffer", "u32", "pointer"], result: "i32" },
  AssignProcessToJobObject: { parameters: ["pointer", "pointer"], result: "i32" },
  TerminateJobObject: { parameters: ["pointer", "u32"], result: "i32" },
} as const;

type Calls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
/** A handle of the system. */
export type Handle = Deno.PointerObject;

const TH32CS_SNAPPROCESS = 2;
const INVALID_HANDLE = 0xffff_ffff_ffff_ffffn;
const PROCESS_TERMINATE = 0x1;
const PROCESS_SET_QUOTA = 0x100;
const PROCESS_QUERY_LIMITED = 0x1000;
const STILL_ACTIVE = 259;

/** `PROCESSENTRY32W`. */
const ENTRY = { bytes: 568, processId: 8, parentId: 32, name: 44, nameUnits: 260 } as const;
/** `PROCESS_MEMORY_COUNTERS`. */
const MEMORY = { bytes: 72, workingSet: 16 } as const;
/** `JOBOBJECT_EXTENDED_LIMIT_INFORMATION`: the flags of the basic limits stand at 16. */
const LIMITS = { kind: 9, bytes: 144, flags: 16, killOnClose: 0x2000 } as const;
/** `JOBOBJECT_BASIC_PROCESS_ID_LIST`: two counts, then a word each. */
const MEMBERS = { kind: 3, header: 8, counted: 4, max: 4096 } as const;
/** Start times in units of 10 us: those of the system would not fit a number. */
const START_UNIT = 100;
/** 100 ns, the system's unit of CPU time. */
const TICKS_A_US = 10;

/** One entry of a snapshot. */
export interface SnapshotEntry {
  readonly processId: number;
  readonly parentId: number;
  readonly name: string;
}

/** What is known of a living process. */
export interface ProcessTimes {
  /** In units of 10 us since 1601. */
  readonly startedAt: number;
  readonly cpuUs: number;
  readonly residentBytes: number;
}

/** The calls, with hana's types. */
export class Kernel32 {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** All processes of the machine. */
  snapshot(): SnapshotEntry[] {
    const handle = this.#calls.CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (handle === null || Deno.UnsafePointer.value(handle) === INVALID_HANDLE) return [];
    const found: SnapshotEntry[] = [];
    const entry = new Uint8Array(ENTRY.bytes);
    const view = new DataView(entry.buffer);
    view.setUint32(0, ENTRY.bytes, true);
    let more = this.#calls.Process32FirstW(handle, entry);
    while (more !== 0) {
      found.push(entryOf(view));
      more = this.#calls.Process32NextW(handle, entry);
    }
    this.#calls.CloseHandle(handle);
    return found;
  }

  /** What is known of a living process; null when there is none, it has ended, or it may not be looked at. */
  times(processId: number): ProcessTimes | null {
    return this.#withProcess(processId, PROCESS_QUERY_LIMITED, (handle) => this.#timesOf(handle));
  }

  /** Ends the process that has this number and start time. The handle pins it: no other one is ended. */
  terminate(processId: number, startedAt: number): boolean {
    return this.#withProcess(processId, PROCESS_QUERY_LIMITED | PROCESS_TERMINATE, (handle) => {
      if (this.#timesOf(handle)?.startedAt !== startedAt) return false;
      return this.#calls.TerminateProcess(handle, 1) !== 0;
    }) ?? false;
  }

  /** A job that ends with its last handle, and that nobody in it can leave; null when the system refuses. */
  createJob(): Handle | null {
    const job = this.#calls.CreateJobObjectW(null, null);
    if (job === null) return null;
    const limits = new Uint8Array(LIMITS.bytes);
    new DataView(limits.buffer).setUint32(LIMITS.flags, LIMITS.killOnClose, true);
    if (this.#calls.SetInformationJobObject(job, LIMITS.kind, limits, limits.length) !== 0) return job;
    this.#calls.CloseHandle(job);
    return null;
  }

  /** Puts a process, and all that it starts from now on, into a job. */
  assign(job: Handle, processId: number): boolean {
    return this.#withProcess(
      processId,
      PROCESS_SET_QUOTA | PROCESS_TERMINATE,
      (handle) => this.#calls.AssignProcessToJobObject(job, handle) !== 0,
    ) ?? false;
  }

  /** The living processes of a job, at most 4096. */
  members(job: Handle): number[] {
    const list = new Uint8Array(MEMBERS.header + 8 * MEMBERS.max);
    const view = new DataView(list.buffer);
    // It says so when not all of them fit, and gives those that do.
    this.#calls.QueryInformationJobObject(job, MEMBERS.kind, list, list.length, null);
    const count = Math.min(view.getUint32(MEMBERS.counted, true), MEMBERS.max);
    return Array.from({ length: count }, (_, at) => view.getUint32(MEMBERS.header + 8 * at, true));
  }

  /** Ends all of a job. */
  terminateJob(job: Handle): boolean {
    return this.#calls.TerminateJobObject(job, 1) !== 0;
  }

  /** Lets go of a job, which ends whoever is still in it. */
  close(job: Handle): void {
    this.#calls.CloseHandle(job);
  }

  #withProcess<T>(processId: number, access: number, use: (handle: Handle) => T): T | null {
    const handle = this.#calls.OpenProcess(access, 0, processId);
    if (handle === null) return null;
    try {
      return use(handle);
    } finally {
      this.#calls.CloseHandle(handle);
    }
  }

  #timesOf(handle: Handle): ProcessTimes | null {
    const times = new Uint8Array(32);
    const [created, ended] = [times.subarray(0, 8), times.subarray(8, 16)];
    const [inKernel, inUser] = [times.subarray(16, 24), times.subarray(24, 32)];
    if (this.#calls.GetProcessTimes(handle, created, ended, inKernel, inUser) === 0) return null;
    // Whoever holds a handle keeps the number of an ended process: only its exit code tells.
    const code = new Uint8Array(4);
    if (this.#calls.GetExitCodeProcess(handle, code) === 0) return null;
    if (new DataView(code.buffer).getUint32(0, true) !== STILL_ACTIVE) return null;
    const view = new DataView(times.buffer);
    const memory = new Uint8Array(MEMORY.bytes);
    new DataView(memory.buffer).setUint32(0, MEMORY.bytes, true);
    const hasMemory = this.#calls.K32GetProcessMemoryInfo(handle, memory, memory.length) !== 0;
    return {
      startedAt: Math.floor(fileTimeAt(view, 0) / START_UNIT),
      cpuUs: Math.floor((fileTimeAt(view, 16) + fileTimeAt(view, 24)) / TICKS_A_US),
      residentBytes: hasMemory
        ? Number(new DataView(memory.buffer).getBigUint64(MEMORY.workingSet, true))
        : 0,
    };
  }
}

/** Reads one `PROCESSENTRY32W`. */
export function entryOf(view: DataView): SnapshotEntry {
  let name = "";
  for (let unit = 0; unit < ENTRY.nameUnits; unit++) {
    const code = view.getUint16(ENTRY.name + 2 * unit, true);
    if (code === 0) break;
    name += String.fromCharCode(code);
  }
  return {
    processId: view.getUint32(ENTRY.processId, true),
    parentId: view.getUint32(ENTRY.parentId, true),
    name,
  };
}

/** A `FILETIME` in 100 ns, rounded to what a number holds (1.6 us), and always in the same way. */
function fileTimeAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

let opened: Kernel32 | null | undefined;

/** The calls; null on other systems, and where they cannot be reached. */
export function kernel32(): Kernel32 | null {
  if (opened === undefined) opened = open();
  return opened;
}

function open(): Kernel32 | null {
  if (Deno.build.os !== "windows") return null;
  try {
    return new Kernel32(Deno.dlopen("kernel32.dll", SYMBOLS).symbols);
  } catch {
    return null;
  }
}
