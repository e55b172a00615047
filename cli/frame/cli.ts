// What a command is given: output, settings, the machine, signals, and a place for its exit code.
// Decides when each of them comes to be: nothing is loaded before a command asks.
// Never knows a command.

import { HanaError } from "../../lib/base/mod.ts";
import type { Platform } from "../../lib/platform/mod.ts";
import { type Environment, processEnvironment, type Resolved, type Settings } from "../config/mod.ts";
import { EXIT, type ExitCode, type Output } from "../output/mod.ts";
import type { Rehearsal } from "../simulate/real/rehearsal.ts";
import type { Program } from "./program.ts";
import { Signals } from "./signals.ts";

/** The context of one run of hana. */
export class Cli {
  readonly signals = new Signals();
  readonly environment: Environment = processEnvironment();
  /** All commands, for help and completions. */
  readonly program: Program;
  #output: Output;
  #resolved: Resolved | HanaError | null = null;
  #configFlag: string | undefined;
  #exitCode: ExitCode = EXIT.done;
  #platform: Promise<Platform> | null = null;
  #rehearsal: Rehearsal | null = null;

  /** `provisional` is used until the flags are read. */
  constructor(program: Program, provisional: Output) {
    this.program = program;
    this.#output = provisional;
  }

  /** Where the command speaks. */
  get output(): Output {
    return this.#output;
  }

  /** Every setting with its value. Throws `usage` or `config` when one does not fit. */
  get settings(): Settings {
    return this.resolved.settings;
  }

  /** Every setting with its value and origin. Throws like {@linkcode settings}. */
  get resolved(): Resolved {
    if (this.#resolved instanceof HanaError) throw this.#resolved;
    if (this.#resolved === null) {
      throw new HanaError("internal", { what: "settings", why: "asked for before the flags were read" });
    }
    return this.#resolved;
  }

  /** What `--config` said. */
  get configFlag(): string | undefined {
    return this.#configFlag;
  }

  /** The machine. */
  platform(): Promise<Platform> {
    this.#platform ??= import("../../lib/platform/deno/mod.ts").then((room) =>
      this.#rehearsed(room.denoPlatform())
    );
    return this.#platform;
  }

  /** The machine as it is, unless `hana simulate --real` rehearses with this process (cli/simulate/real). */
  async #rehearsed(platform: Platform): Promise<Platform> {
    if (this.environment.get("HANA_REHEARSAL") !== "stdin") return platform;
    const { Rehearsal } = await import("../simulate/real/rehearsal.ts");
    this.#rehearsal = await Rehearsal.open(platform);
    return this.#rehearsal.platform;
  }

  /** The rehearsal in which this process plays a node; null outside of one. */
  get rehearsal(): Rehearsal | null {
    return this.#rehearsal;
  }

  /** Ends with `code` once the command's action has returned. The last call holds. */
  exitWith(code: ExitCode): void {
    this.#exitCode = code;
  }

  /** The exit code so far. */
  get exitCode(): ExitCode {
    return this.#exitCode;
  }

  /** Called by the frame once the flags are read. Settings that do not fit trouble only who asks for them. */
  onFlags(output: Output, resolved: Resolved | HanaError, configFlag: string | undefined): void {
    this.#output = output;
    this.#resolved = resolved;
    this.#configFlag = configFlag;
  }
}
