// The files that a call asks for: trace, JUnit, Markdown, HTML.
// Decides that one which cannot be written is found before anything is played, and that a file is whole or not there.

import { HanaError } from "../../lib/base/mod.ts";

/** A file that will be written at the end. */
export class OutputFile {
  readonly path: string;
  readonly #flag: string;
  readonly #beside: string;
  /** A device or a pipe is written as it is: nothing can be put in its place. */
  readonly #isSpecial: boolean;

  /** Makes sure that it can be written. Throws `usage`. */
  constructor(flag: string, path: string) {
    this.#flag = flag;
    this.path = path;
    this.#beside = `${path}.${Deno.pid}.part`;
    const there = statOf(path);
    this.#isSpecial = there !== null && !there.isFile && !there.isDirectory;
    if (this.#isSpecial) return;
    try {
      if (there?.isDirectory === true) throw new Error("it is a directory");
      Deno.writeTextFileSync(this.#beside, "");
      Deno.removeSync(this.#beside);
    } catch (thrown) {
      throw this.#problem(thrown, "usage");
    }
  }

  /** Writes all of it. Throws `storage`. */
  write(text: string): void {
    this.writeAll((file) => writeWhole(file, new TextEncoder().encode(text)));
  }

  /** Adds to what is there. Throws `storage`. */
  append(text: string): void {
    try {
      Deno.writeTextFileSync(this.path, text, { append: true });
    } catch (thrown) {
      throw this.#problem(thrown);
    }
  }

  /** Lets `fill` write, and puts the file in place when it is whole. Throws `storage`. */
  writeAll(fill: (file: Deno.FsFile) => void): void {
    const path = this.#isSpecial ? this.path : this.#beside;
    try {
      const file = Deno.openSync(path, { write: true, create: !this.#isSpecial, truncate: !this.#isSpecial });
      try {
        fill(file);
      } finally {
        file.close();
      }
      if (!this.#isSpecial) Deno.renameSync(path, this.path);
    } catch (thrown) {
      throw this.#problem(thrown);
    }
  }

  #problem(thrown: unknown, code: "usage" | "storage" = "storage"): HanaError {
    if (thrown instanceof HanaError) return thrown;
    const why = thrown instanceof Deno.errors.NotFound
      ? "there is no such directory"
      : thrown instanceof Error
      ? thrown.message.replace(`: open '${this.#beside}'`, "")
      : String(thrown);
    return new HanaError(code, {
      what: `${this.#flag} ${this.path} cannot be written`,
      why,
      hint: `${this.#flag} ${this.path.split(/[/\\]/).pop() || "report"}`,
      cause: thrown,
    });
  }
}

/** Writes all bytes, however many calls it takes. */
export function writeWhole(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}
