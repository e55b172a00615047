// What clients leave to be written when they go.
// Decides which of it is kept when they say so, and what of it is still right when the time has come: by then paths and
// owners may be others. Never decides who is gone.

import type { Holding, LeaveOperation } from "../holding/mod.ts";
import { HOST } from "../merge/mod.ts";
import { type LeaveEntry, type LeaveMessage, MAX_NACKED_SEQUENCE, type NackCode } from "../messages/mod.ts";
import type { ClientNumber, StateValue } from "../model/mod.ts";
import { isRefusal } from "../schema/mod.ts";
import type { HostCounters } from "./counters.ts";
import type { StateDocument } from "./document.ts";
import type { Subscriber } from "./subscriber.ts";
import type { GatedWrite, NackSink } from "./write_desk.ts";
