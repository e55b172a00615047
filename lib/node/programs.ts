// The programs of a node: its supervisor, and the messages by which others ask for them.
// Decides when supervision begins (before anybody can reach the node) and ends (programs go on without it).

import { HanaError, type NodeId } from "../base/mod.ts";
import type { Platform } from "../platform/mod.ts";
import type { HandlerTable } from "../session/mod.ts";
import { prepareRunDirectory, socketPath } from "../transport/mod.ts";
import { addProgramMessages, Supervisor, type SupervisorLimits } from "../supervision/mod.ts";

/** What makes a node start and supervise programs. */
export interface ProgramSettings {
  /** How hana itself is started here: every program gets a shim of it. */
  readonly shim: readonly [string, ...string[]];
  /** Whether one shim waits ready; yes unless told otherwise. */
  readonly warm?: boolean;
  /** Whether other machines may bring command lines of their own. */
  readonly allowExec?: boolean;
  /** Whether other machines may bring manifests; who may bring command lines may do that too. */
  readonly allowApply?: boolean;
  readonly limits?: Partial<SupervisorLimits>;
}

/** By this capability nodes that supervise are found: `hana discover --capability programs`. */
export const PROGRAMS_CAPABILITY = "programs";

/** What supervision needs of its node. */
export interface SupervisingNode {
  readonly id: NodeId;
  /** The node's state directory; null for one that keeps nothing. */
  readonly directory: string | null;
  readonly runDirectory: string | null;
  readonly handlers: HandlerTable;
  name(): string;
}

/** The programs of a node. */
export class NodePrograms {
  readonly supervisor: Supervisor;
  readonly #figures: () => Record<string, number>;

  private constructor(supervisor: Supervisor, figures: () => Record<string, number>) {
    this.supervisor = supervisor;
    this.#figures = figures;
  }

  /**
   * Takes over what runs here and answers what is asked of it from then on. Rejects with `config` for a node without
   * directories, and as {@linkcode Supervisor.open} does.
   */
  static async open(
    platform: Platform,
    settings: ProgramSettings,
    node: SupervisingNode,
  ): Promise<NodePrograms> {
    const { directory, runDirectory, handlers } = node;
    if (directory === null || runDirectory === null) {
      throw new HanaError("config", {
        what: "a node that supervises programs",
        why: "it needs a state directory and a run directory",
      });
    }
    if (platform.host.os !== "windows") {
      // What is wrong with the run directory is told in the words of whoever listens there.
      socketPath(runDirectory, node.id);
      prepareRunDirectory(platform.files, platform.host, runDirectory);
    }
    const { shim, warm, limits } = settings;
    const supervisor = await Supervisor.open({
      platform,
      directory,
      runDirectory,
      nodeName: node.name(),
      shim,
      ...(warm === undefined ? {} : { warm }),
      ...(limits === undefined ? {} : { limits }),
    });
    const figures = addProgramMessages({
      handlers,
      supervisor,
      platform,
      nodeName: () => node.name(),
      allowExec: settings.allowExec === true,
      allowApply: settings.allowApply === true || settings.allowExec === true,
    });
    return new NodePrograms(supervisor, figures);
  }

  statistics(): Record<string, unknown> {
    return { ...this.supervisor.statistics(), ...this.#figures() };
  }

  /** Lets go: the programs go on. */
  close(): void {
    this.supervisor.close();
  }
}
