// The hardware of a simulated machine: what the scenario's plan says, nothing unless it does.
// Decides that what is read is what was set last; never changes by itself.

import type { Hardware, LoadReader, MachineFacts, MachineLoad } from "../mod.ts";

/** Hardware that a test or a plan sets. Stays with the host through restarts. */
export class SimulatedHardware implements Hardware {
  /** What the machine has. */
  facts: MachineFacts;
  /** How busy it is; null: it does not tell, and its node does not ask. */
  load: MachineLoad | null;
  /** Readers that are open. */
  openReaders = 0;

  constructor(facts: MachineFacts = {}, load: MachineLoad | null = null) {
    this.facts = facts;
    this.load = load;
  }

  read(): Promise<MachineFacts> {
    return Promise.resolve(this.facts);
  }

  openLoad(): LoadReader | null {
    if (this.load === null) return null;
    let isOpen = true;
    this.openReaders++;
    return {
      read: () => this.load ?? {},
      close: () => {
        if (isOpen) this.openReaders--;
        isOpen = false;
      },
    };
  }
}
