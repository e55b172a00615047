// Facts of the machine and the process that do not change while hana runs.

/** Operating systems that hana ships for. */
export type OperatingSystem = "linux" | "darwin" | "windows";

/** The machine and the process. */
export interface Host {
  readonly hostname: string;
  readonly processId: number;
  /** Numeric id of the user, null where the system has none. */
  readonly userId: number | null;
  readonly os: OperatingSystem;
  readonly arch: "x86_64" | "aarch64";
  readonly logicalCpus: number;
}
