// Which lane fills the next packet.
// Decides order between lanes alone; never what a lane sends or when a packet may leave.

export { type Schedulable, Scheduler, SCHEDULER_TIERS, type SchedulerOptions } from "./scheduler.ts";
