// The hardware of this machine. Decides which reader fits the operating system; never what the mesh is told of it.

import type { Hardware, LoadReader, MachineFacts, OperatingSystem } from "../../mod.ts";
import type { Runner } from "./capture.ts";
import { LinuxHardware } from "./linux.ts";
import { readMac } from "./macos.ts";
import { NvidiaCards } from "./nvidia.ts";
import { SystemLoad } from "./system_load.ts";
import { readWindows } from "./windows.ts";

/** The hardware of the machine that this process runs on. Nothing is read before it is asked for. */
export function machineHardware(os: OperatingSystem, runner: Runner): Hardware {
  return os === "linux" ? new LinuxHardware(runner) : new AskedHardware(os, runner);
}

/** A machine whose facts are asked of programs that take seconds: once. */
class AskedHardware implements Hardware {
  readonly #os: OperatingSystem;
  readonly #runner: Runner;
  readonly #nvidia: NvidiaCards;
  #facts: Promise<MachineFacts> | null = null;

  constructor(os: OperatingSystem, runner: Runner) {
    this.#os = os;
    this.#runner = runner;
    this.#nvidia = new NvidiaCards(runner);
  }

  read(): Promise<MachineFacts> {
    return this.#facts ??= this.#os === "darwin" ? readMac(this.#runner) : this.#readWindows();
  }

  openLoad(): LoadReader | null {
    try {
      return new SystemLoad(this.#nvidia.watch());
    } catch {
      return null; // the runtime may not, or the system does not say
    }
  }

  async #readWindows(): Promise<MachineFacts> {
    const [facts, nvidia] = await Promise.all([readWindows(this.#runner), this.#nvidia.read()]);
    if (nvidia.length === 0) return facts;
    const others = (facts.gpus ?? []).filter(({ vendor }) => vendor !== "nvidia");
    return { ...facts, gpus: [...nvidia, ...others] };
  }
}
