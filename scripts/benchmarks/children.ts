// The processes that a run has started, so that none outlives it, however it ends.
// Never ends a process that it did not start.

const running = new Set<Deno.ChildProcess>();

/** Starts a process that belongs to this run. */
export function startChild(command: readonly string[], options: Deno.CommandOptions): Deno.ChildProcess {
  const [first = "", ...args] = command;
  const child = new Deno.Command(first, { ...options, args }).spawn();
  running.add(child);
  void child.status.then(() => running.delete(child));
  return child;
}

/** Sends a signal; harmless when the process has ended. */
export function signalChild(child: Deno.ChildProcess, signal: Deno.Signal): void {
  if (running.has(child)) child.kill(signal);
}

/** Tells every process of this run to end, those too that start meanwhile; kills what has not after `graceMs`. */
export async function endChildren(graceMs: number): Promise<void> {
  while (running.size > 0) {
    const children = [...running];
    for (const child of children) signalChild(child, "SIGTERM");
    const timer = setTimeout(() => children.forEach((child) => signalChild(child, "SIGKILL")), graceMs);
    await Promise.all(children.map(({ status }) => status));
    clearTimeout(timer);
  }
}
