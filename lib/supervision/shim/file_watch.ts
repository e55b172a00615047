// Looks whether the file of a parked program has changed: a missing one that appeared, another size.
// Decides how often; a program that is named without a folder is not looked for, since that would take a search path.

import type { Files } from "../../platform/mod.ts";
import type { Agenda } from "./agenda.ts";

const LOOK_US = 1_000_000;

/** Watches one file. */
export class FileWatch {
  readonly #platform: { readonly files: Files; readonly clock: { nowUs(): number } };
  readonly #agenda: Agenda;
  readonly #onChange: () => void;
  #path: string | null = null;
  #before = "";

  constructor(
    platform: { readonly files: Files; readonly clock: { nowUs(): number } },
    agenda: Agenda,
    onChange: () => void,
  ) {
    this.#platform = platform;
    this.#agenda = agenda;
    this.#onChange = onChange;
  }

  /** Begins to look. A relative path stands below `cwd`. */
  start(program: string, cwd: string | null): void {
    if (!program.includes("/") && !program.includes("\\")) return;
    const isAbsolute = program.startsWith("/") || /^[a-z]:/i.test(program) || program.startsWith("\\\\");
    this.#path = isAbsolute || cwd === null ? program : `${cwd}/${program}`;
    this.#before = this.#look();
    this.#plan();
  }

  /** Looks no more. */
  stop(): void {
    this.#path = null;
    this.#agenda.set("file", null, () => {});
  }

  #plan(): void {
    this.#agenda.set("file", this.#platform.clock.nowUs() + LOOK_US, () => {
      if (this.#path === null) return;
      const now = this.#look();
      const isChanged = now !== this.#before;
      this.#before = now;
      this.#plan();
      if (isChanged) this.#onChange();
    });
  }

  #look(): string {
    if (this.#path === null) return "";
    const { files } = this.#platform;
    try {
      const stat = files.stat(this.#path);
      return `${stat?.kind} ${stat?.size} ${files.isExecutable(this.#path)}`;
    } catch {
      return "unreadable";
    }
  }
}
