// What a driver says to the run that started it, and hears from it: lines. Works under Deno and Node.

import { writeSync } from "node:fs";
import process from "node:process";

/** Writes a line of JSON. */
export function tell(value: Readonly<Record<string, unknown>>): void {
  writeSync(1, JSON.stringify(value) + "\n");
}

/** Lines of the standard input; null stands for its end. */
export class InputLines {
  readonly #waiting: ((line: string | null) => void)[] = [];
  readonly #lines: (string | null)[] = [];
  #rest = "";

  constructor() {
    process.stdin.on("data", (bytes: Uint8Array) => {
      const lines = (this.#rest + new TextDecoder().decode(bytes)).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#put(line);
    });
    process.stdin.on("end", () => this.#put(null));
  }

  /** The next line. */
  next(): Promise<string | null> {
    const line = this.#lines.shift();
    return line === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(line);
  }

  #put(line: string | null): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#lines.push(line);
    else waiting(line);
  }
}
