// Runs a program that tells something of the machine, and gives up in time.
// Decides that whatever goes wrong (no such program, a hang, an error, too much text) is the answer "not known".

import type { Clock, Processes, Timers } from "../../mod.ts";

/** What running a program takes. */
export interface Runner {
  readonly processes: Processes;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** More text than this is not what was asked for. */
const MAX_CAPTURED_BYTES = 512 * 1024;

/** How a program answered. */
export type Captured =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "failed" }
  | { readonly kind: "hung" };

/** What a program writes to stdout, if it ends by itself with code 0 within `timeoutUs`. Never rejects. */
export function capture(
  { processes, clock, timers }: Runner,
  argv: readonly [string, ...string[]],
  timeoutUs: number,
): Promise<Captured> {
  return new Promise((resolve) => {
    const decoder = new TextDecoder();
    let text = "";
    let size = 0;
    let code: number | null = null;
    try {
      const child = processes.spawn({ argv, output: "bytes" }, {
        onBytes(output, bytes) {
          if (output !== "stdout") return;
          size += bytes.length;
          if (size <= MAX_CAPTURED_BYTES) text += decoder.decode(bytes, { stream: true });
        },
        onExit: (status) => code = status.code,
        onClosed() {
          timer.cancel();
          const isWhole = code === 0 && size <= MAX_CAPTURED_BYTES;
          resolve(isWhole ? { kind: "text", text } : { kind: "failed" });
        },
      });
      const timer = timers.schedule(clock.nowUs() + timeoutUs, () => {
        child.killGroup("SIGKILL");
        resolve({ kind: "hung" });
      });
    } catch {
      resolve({ kind: "failed" });
    }
  });
}

/** `text` as JSON; null when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** The value of `key` in `value`, if that is a map that has it. */
export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return Reflect.get(value, key) as unknown;
}

/** The members of a list; a single thing is a list of one, nothing an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

/** A text that is not blank, trimmed. */
export function textOf(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const text = value.replace(/\s+/g, " ").trim();
  return text === "" ? null : text;
}

/** A number above zero. */
export function positiveOf(value: unknown): number | null {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : null;
}
