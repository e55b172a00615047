// Lowers the priority of a child.
// Decides that it happens right after the start, from outside: the program has not come past its loader by then, and
// its start fails with its own error, not with that of a wrapper. A system that refuses is no reason to fail.

import { linuxSyscalls } from "./syscalls.ts";

const MAX_NICENESS = 19;
const PRIO_PGRP = 1;

const SYSTEM = {
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
} as const;

/** Sets the niceness of the group that `processId` leads, 0 to 19. False where the system has none or refuses. */
export function lowerPriority(processId: number, niceness: number): boolean {
  const level = Math.min(Math.max(Math.trunc(niceness), 0), MAX_NICENESS);
  if (Deno.build.os === "linux") {
    const isSet = linuxSyscalls()?.setGroupNiceness(processId, level) ?? false;
    lowerSession(processId, level);
    return isSet;
  }
  return Deno.build.os === "darwin" && lowerOnMac(processId, level);
}

// Where the kernel schedules by session (sched(7), "The autogroup feature") niceness counts only among the processes of
// one, and every program here has a session of its own: the session's niceness must be lowered too.
function lowerSession(processId: number, level: number): void {
  try {
    const file = Deno.openSync(`/proc/${processId}/autogroup`, { write: true });
    try {
      file.writeSync(new TextEncoder().encode(String(level)));
    } finally {
      file.close();
    }
  } catch {
    // The kernel has no such thing, or takes no more than ten changes a second.
  }
}

function lowerOnMac(processId: number, level: number): boolean {
  try {
    const library = Deno.dlopen("libSystem.dylib", SYSTEM);
    const result = library.symbols.setpriority(PRIO_PGRP, processId, level);
    library.close();
    return result === 0;
  } catch {
    return false;
  }
}
