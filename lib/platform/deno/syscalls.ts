// A few system calls of Linux that the runtime has no name for, through libc's `syscall`.
// Decides that there are three doors for all of them, since each costs start-up time and memory; never interprets what
// they return. A system without them, or one that refuses them, is answered with null: callers have a slower way.

/** Numbers of the calls that hana makes (the kernel's tables for each architecture). */
const NUMBERS = {
  x86_64: {
    read: 0,
    close: 3,
    wait4: 61,
    setpriority: 141,
    prctl: 157,
    getdents64: 217,
    waitid: 247,
    openat: 257,
    pidfdSendSignal: 424,
    pidfdOpen: 434,
  },
  aarch64: {
    read: 63,
    close: 57,
    wait4: 260,
    setpriority: 140,
    prctl: 167,
    getdents64: 61,
    waitid: 95,
    openat: 56,
    pidfdSendSignal: 424,
    pidfdOpen: 434,
  },
} as const;

const DOORS = {
  /** Numbers alone. */
  plain: {
    name: "syscall",
    parameters: ["isize", "isize", "isize", "isize", "isize", "isize"],
    result: "i32",
  },
  /** The second argument is memory. */
  second: { name: "syscall", parameters: ["isize", "isize", "buffer", "isize", "isize"], result: "i32" },
  /** The third argument is memory. */
  third: {
    name: "syscall",
    parameters: ["isize", "isize", "isize", "buffer", "isize", "isize"],
    result: "i32",
  },
} as const;

const AT_FDCWD = -100;
const O_CLOEXEC = 0o2000000;
const O_DIRECTORY_X86 = 0o200000;
const O_DIRECTORY_ARM = 0o40000;
const P_ALL = 0;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
const PR_SET_CHILD_SUBREAPER = 36;
const PRIO_PGRP = 1;
/** `siginfo_t` has 128 bytes; the number of the process stands at 16 where words have 64 bits. */
const SIGNAL_INFO_BYTES = 128;
const SIGNAL_INFO_PROCESS = 16;

/** What the runtime hands over to C: memory that is not shared. */
type Memory = Uint8Array<ArrayBuffer>;

/** The doors take plain numbers as well as the big ones that the runtime's types ask for, without a cost. */
interface Doors {
  plain(call: number, a: number, b: number, c: number, d: number, e: number): number;
  second(call: number, a: number, b: Memory, c: number, d: number): number;
  third(call: number, a: number, b: number, c: Memory, d: number, e: number): number;
}

/** The calls, with the runtime's types. Each returns -1 when the system refuses; why is not known. */
export class LinuxSyscalls {
  readonly #doors: Doors;
  readonly #numbers: (typeof NUMBERS)["x86_64" | "aarch64"];
  readonly #directoryFlags: number;
  readonly #signalInfo: Memory = new Uint8Array(SIGNAL_INFO_BYTES);
  readonly #signalInfoView = new DataView(this.#signalInfo.buffer);
  readonly #status: Memory = new Uint8Array(4);

  constructor(doors: Doors, arch: "x86_64" | "aarch64") {
    this.#doors = doors;
    this.#numbers = NUMBERS[arch];
    this.#directoryFlags = O_CLOEXEC | (arch === "aarch64" ? O_DIRECTORY_ARM : O_DIRECTORY_X86);
  }

  /** Opens a file for reading. `path` ends with a zero byte. */
  openFile(path: Memory): number {
    return this.#doors.second(this.#numbers.openat, AT_FDCWD, path, O_CLOEXEC, 0);
  }

  /** Opens a directory. `path` ends with a zero byte. */
  openDirectory(path: Memory): number {
    return this.#doors.second(this.#numbers.openat, AT_FDCWD, path, this.#directoryFlags, 0);
  }

  read(descriptor: number, into: Memory): number {
    return this.#doors.second(this.#numbers.read, descriptor, into, into.length, 0);
  }

  /** Entries of a directory (`linux_dirent64`), as many as fit; 0 at its end. */
  readDirectory(descriptor: number, into: Memory): number {
    return this.#doors.second(this.#numbers.getdents64, descriptor, into, into.length, 0);
  }

  close(descriptor: number): void {
    this.#doors.plain(this.#numbers.close, descriptor, 0, 0, 0, 0);
  }

  /** A descriptor that means this process until it is closed, whoever gets its number later (pidfd_open(2)). */
  openProcess(processId: number): number {
    return this.#doors.plain(this.#numbers.pidfdOpen, processId, 0, 0, 0, 0);
  }

  /** Signals the process behind a descriptor (pidfd_send_signal(2)). */
  signalProcess(descriptor: number, signal: number): boolean {
    return this.#doors.plain(this.#numbers.pidfdSendSignal, descriptor, signal, 0, 0, 0) === 0;
  }

  /** Makes this process the one that orphaned descendants fall to (PR_SET_CHILD_SUBREAPER(2const)). */
  becomeSubreaper(): boolean {
    return this.#doors.plain(this.#numbers.prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0;
  }

  /** A child that has ended and that nobody has waited for; it stays so. 0 when there is none. */
  endedChild(): number {
    this.#signalInfo.fill(0);
    const options = WEXITED | WNOHANG | WNOWAIT;
    const result = this.#doors.third(this.#numbers.waitid, P_ALL, 0, this.#signalInfo, options, 0);
    return result < 0 ? 0 : this.#signalInfoView.getInt32(SIGNAL_INFO_PROCESS, true);
  }

  /** Takes the end of exactly this child off the system's hands. False when it has not ended or is none of ours. */
  reap(processId: number): boolean {
    return this.#doors.second(this.#numbers.wait4, processId, this.#status, WNOHANG, 0) === processId;
  }

  /** Sets the niceness of a process group. */
  setGroupNiceness(groupId: number, niceness: number): boolean {
    return this.#doors.plain(this.#numbers.setpriority, PRIO_PGRP, groupId, niceness, 0, 0) === 0;
  }
}

let opened: LinuxSyscalls | null | undefined;

/** The calls; null on other systems, and where libc cannot be entered. Opens the doors on first use. */
export function linuxSyscalls(): LinuxSyscalls | null {
  if (opened === undefined) opened = open();
  return opened;
}

function open(): LinuxSyscalls | null {
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return null;
  try {
    return new LinuxSyscalls(Deno.dlopen("libc.so.6", DOORS).symbols as unknown as Doors, arch);
  } catch {
    return null;
  }
}
