// Ways to break supervision from outside, for tests that must see it caught: machines that lie to daemons and shims.

import type { ChildProcess, Platform, ProcessOptions } from "../../lib/platform/mod.ts";
import { Supervisor } from "../../lib/supervision/mod.ts";

/** A machine on which nothing is ever seen to descend from anything: whoever asks thinks that the tree is empty. */
export function blind(platform: Platform): Platform {
  const { processTable } = platform;
  return {
    ...platform,
    processTable: {
      bootId: processTable.bootId,
      self: processTable.self,
      inspect: (processId) => processTable.inspect(processId),
      descendants: () => [],
      marked: () => [],
      signal: (identity, signal) => processTable.signal(identity, signal),
      adoptOrphans: () => processTable.adoptOrphans(),
      reapOrphans: () => processTable.reapOrphans(),
    },
  };
}

/** A machine whose locks of programs everybody gets. */
export function lockless(platform: Platform): Platform {
  return withFiles(platform, {
    lock: (path) => path.includes("/programs/") ? { release: () => {} } : platform.files.lock(path),
  });
}

/** A machine that syncs nothing of its databases and journals, and keeps no second copy of what is wanted. */
export function unsynced(platform: Platform): Platform {
  const { databases } = platform;
  const lazy = withFiles(platform, {
    write: (path, bytes, mode) => {
      if (!path.endsWith("/assignment.json")) platform.files.write(path, bytes, mode);
    },
    openAppend: (path, mode) => {
      const file = platform.files.openAppend(path, mode);
      return {
        get size() {
          return file.size;
        },
        append: (bytes) => file.append(bytes),
        sync: () => {},
        close: () => file.close(),
      };
    },
  });
  return {
    ...lazy,
    databases: {
      open: (path, tables) => {
        const database = databases.open(path, tables);
        return {
          get: (table, key) => database.get(table, key),
          list: (table, range) => database.list(table, range),
          commit: (changes) => database.commit(changes, "relaxed"),
          close: () => database.close(),
        };
      },
    },
  };
}

/** A machine on which journals and logs of programs are gone whenever somebody looks for them. */
export function forgetful(platform: Platform): Platform {
  const { files } = platform;
  const isLost = (path: string): boolean => /\/programs\/[^/]+\/(journal|logs)/.test(path);
  return withFiles(platform, {
    read: (path) => isLost(path) ? null : files.read(path),
    readAt: (path, offset, length) => isLost(path) ? null : files.readAt(path, offset, length),
    list: (path) => isLost(path) ? [] : files.list(path),
    stat: (path) => /\/programs\/[^/]+\/logs/.test(path) ? null : files.stat(path),
  });
}

/** A machine on which nobody tells shims how far their programs had counted. */
export function untold(platform: Platform): Platform {
  const { processes } = platform;
  const rewrite = (bytes: Uint8Array): Uint8Array => {
    const { known: _known, ...assignment } = JSON.parse(new TextDecoder().decode(bytes)) as Record<
      string,
      unknown
    >;
    return new TextEncoder().encode(JSON.stringify(assignment) + "\n");
  };
  return {
    ...platform,
    processes: {
      spawn: (options: ProcessOptions, handlers) => {
        const child = processes.spawn(options, handlers);
        return options.argv.at(-1) === "__shim" ? wrapped(child, rewrite) : child;
      },
      listenNotify: (path, onMessage) => processes.listenNotify(path, onMessage),
    },
  };
}

function wrapped(child: ChildProcess, rewrite: (bytes: Uint8Array) => Uint8Array): ChildProcess {
  return {
    get processId() {
      return child.processId;
    },
    get isRunning() {
      return child.isRunning;
    },
    write: (bytes) => child.write(rewrite(bytes)),
    closeInput: () => child.closeInput(),
    kill: (signal) => child.kill(signal),
    killGroup: (signal) => child.killGroup(signal),
  };
}

/** The platform with some of its file operations replaced. */
function withFiles(platform: Platform, own: Partial<Platform["files"]>): Platform {
  const { files } = platform;
  return {
    ...platform,
    files: {
      read: (path) => files.read(path),
      write: (path, bytes, mode) => files.write(path, bytes, mode),
      remove: (path) => files.remove(path),
      makeDirectory: (path, mode) => files.makeDirectory(path, mode),
      stat: (path) => files.stat(path),
      list: (path) => files.list(path),
      lock: (path) => files.lock(path),
      openAppend: (path, mode) => files.openAppend(path, mode),
      readAt: (path, offset, length) => files.readAt(path, offset, length),
      rename: (from, to) => files.rename(from, to),
      isExecutable: (path) => files.isExecutable(path),
      freeBytes: (path) => files.freeBytes(path),
      ...own,
    },
  };
}

/** Changes what supervisors are asked to restart while `work` runs. */
export async function withRestarts<T>(
  change: (call: Parameters<Supervisor["restart"]>[0]) => Parameters<Supervisor["restart"]>[0],
  work: () => Promise<T>,
): Promise<T> {
  const original = Supervisor.prototype.restart;
  Supervisor.prototype.restart = function (call) {
    return original.call(this, change(call));
  };
  try {
    return await work();
  } finally {
    Supervisor.prototype.restart = original;
  }
}
