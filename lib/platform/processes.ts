// Child processes: programs that hana starts, hears, signals and sees end.
// Decides what a child can be asked and what is told of it; never when one is started again (lib/supervision).
// The end of a process and the end of its output are two things: a grandchild may hold the pipes open for hours.

/** What to start. */
export interface ProcessOptions {
  /** The program, found by the system's search path unless it is a path, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Added to this process's environment, or all there is where `clearEnv` says so. */
  readonly env?: Readonly<Record<string, string>>;
  readonly clearEnv?: boolean;
  /** Working directory; this process's own unless given. */
  readonly cwd?: string;
  /** `pipe` to write to it; nothing (an input that has ended) unless given. */
  readonly input?: "none" | "pipe";
  /** How what it writes is handed over: as it comes, line by line (UTF-8, without the line's end), or not at all. */
  readonly output?: "bytes" | "lines" | "none";
  /** Lowers its priority: 0 as this process, up to 19; ignored where the system has none. */
  readonly niceness?: number;
}

/** Signals that can be sent. On Windows each of them ends the process at once. */
export type ProcessSignal =
  | "SIGTERM"
  | "SIGKILL"
  | "SIGINT"
  | "SIGHUP"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGSTOP"
  | "SIGCONT";

/** Where something was written to. */
export type ProcessOutput = "stdout" | "stderr";

/** How a process ended: by itself with a code, or by a signal. */
export interface ExitStatus {
  /** 128 and the signal's number where a signal ended it. */
  readonly code: number;
  /** Null where it ended by itself. */
  readonly signal: string | null;
}

/** What a child tells its owner. */
export interface ProcessHandlers {
  /** It wrote something (`output: "bytes"`). `bytes` is valid during the call only. */
  onBytes?(output: ProcessOutput, bytes: Uint8Array): void;
  /** It wrote a line (`output: "lines"`); one over {@linkcode MAX_LINE_BYTES} comes in pieces, and so does a last one without an end. */
  onLine?(output: ProcessOutput, line: string): void;
  /** It has ended. Told once, whatever its pipes do; output that was under way may follow. */
  onExit(status: ExitStatus): void;
  /** Nothing more comes: it has ended, and nobody holds its pipes any more. Told once, after `onExit`. */
  onClosed?(): void;
}

/** A line longer than this is handed over in pieces. */
export const MAX_LINE_BYTES = 64 * 1024;

/** Bytes that may wait to be read by a child; {@linkcode ChildProcess.write} refuses what goes beyond. */
export const MAX_INPUT_BYTES = 1024 * 1024;

/** A program that was started. */
export interface ChildProcess {
  readonly processId: number;
  /** Whether it has not been seen to end. */
  readonly isRunning: boolean;
  /** Writes to its input. False when that is full, closed or not a pipe: nothing was written then. */
  write(bytes: Uint8Array): boolean;
  /** Ends its input, once everything written is through; harmless without one. */
  closeInput(): void;
  /** Signals it alone. False when it has ended already. */
  kill(signal: ProcessSignal): boolean;
  /** Signals it and all that it has started and that did not leave its group. False when nobody of them is there. */
  killGroup(signal: ProcessSignal): boolean;
}

/** Hears datagrams on a path, as `sd_notify` sends them. */
export interface NotifyListener {
  /** Stops, and removes the socket. */
  close(): void;
}

/** Starts programs. */
export interface Processes {
  /**
   * Starts a program in a process group of its own; it outlives us unless it is ended. No handler runs inside the call.
   * Throws `not-found` (no such program or directory), `refused` (permission) or `config` (an argument that cannot be).
   */
  spawn(options: ProcessOptions, handlers: ProcessHandlers): ChildProcess;
  /**
   * Hears `sd_notify` datagrams (systemd's notification protocol) on a Unix datagram socket. `onMessage` gets each one whole,
   * valid during the call only. Rejects with `address-in-use`, `storage`, and `unsupported` where there are no such sockets.
   */
  listenNotify(path: string, onMessage: (bytes: Uint8Array) => void): Promise<NotifyListener>;
}
