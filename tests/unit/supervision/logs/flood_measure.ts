// Measures what taking bytes costs: `deno run -A tests/unit/supervision/logs/flood_measure.ts [MB]`.
// Not a test: figures of one machine. Other work on it slows a second down, hardly a second of CPU. Every row is a flood of one kind into a log book on real files.

import process from "node:process";
import { LogBook } from "../../../../lib/supervision/logs/mod.ts";
import { denoPlatform } from "../../../../lib/platform/deno/mod.ts";

const megabytes = Number(Deno.args[0] ?? 500);
const only = Deno.args[1];
const CHUNK = 64 << 10;

const kinds: Record<string, (at: number) => number> = {
  "80-byte lines": (at) => at % 80 === 79 ? 10 : 97 + at % 26,
  "20-byte lines": (at) => at % 20 === 19 ? 10 : 97 + at % 26,
  "2 KiB lines": (at) => at % 2048 === 2047 ? 10 : 97 + at % 26,
  "no newline": (at) => 97 + at % 26,
  "newlines only": () => 10,
  "garbage": (at) => (Math.imul(at, 2654435761) >>> 13) & 255,
};

/** Proportional and private memory of this process in MiB, as Linux tells it. */
function memory(): string {
  const text = Deno.readTextFileSync("/proc/self/smaps_rollup");
  const mib = (what: RegExp) => Math.round(Number(what.exec(text)?.[1] ?? 0) / 1024);
  return `rss ${mib(/^Rss: +(\d+)/m)} pss ${mib(/^Pss: +(\d+)/m)} private ${
    mib(/^Private_Dirty: +(\d+)/m)
  } MiB`;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

print(`before: ${memory()}`);
for (const [name, byteAt] of Object.entries(kinds)) {
  if (only !== undefined && !name.includes(only)) continue;
  const directory = Deno.makeTempDirSync();
  const files = denoPlatform().files;
  const book = new LogBook({
    files,
    directory: `${directory}/logs`,
    rotateBytes: 8 << 20,
    keep: 8,
    wallMs: () => Date.now(),
  });
  const chunk = Uint8Array.from({ length: CHUNK }, (_, at) => byteAt(at));
  book.startRun(1, 0);
  const begun = performance.now();
  const cpu = process.cpuUsage();
  let worst = 0;
  let tickAt = 0;
  const rounds = Math.ceil(megabytes * 1e6 / CHUNK);
  for (let round = 0; round < rounds; round++) {
    const before = performance.now();
    const nowUs = Math.round((before - begun) * 1000);
    book.handleBytes(nowUs, "stdout", chunk);
    if (nowUs >= tickAt) {
      book.handleTick(nowUs);
      tickAt = nowUs + 250_000;
    }
    worst = Math.max(worst, performance.now() - before);
  }
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const cpuSeconds = (user + system) / 1e6;
  book.close(Math.round(seconds * 1e6));
  const { lines, written, suppressed, ringBytes } = book.counters;
  print(
    `${name}: ${Math.round(rounds * CHUNK / 1e6 / seconds)} MB/s, ${
      Math.round(rounds * CHUNK / 1e6 / cpuSeconds)
    } MB a second of CPU, worst call ${worst.toFixed(1)} ms, ` +
      `lines ${lines}, written ${written}, suppressed ${suppressed}, ring ${
        (ringBytes / 2 ** 20).toFixed(1)
      } MiB, ` +
      memory(),
  );
  Deno.removeSync(directory, { recursive: true });
}
