// What a display and a group of displays are: the values at `displays/<id>` and `groups/<id>` of the shared state.
// Decides the words and fields; reading.ts decides what may stand in them.

import type { NodeId } from "../../base/mod.ts";

/** Metres, in the room's coordinates; y is up. */
export type Vector3 = readonly [number, number, number];
/** A rotation [x, y, z, w] of length 1. */
export type Quaternion = readonly [number, number, number, number];
/** [x, y, width, height] in pixels of the display, from its upper left. */
export type Bounds = readonly [number, number, number, number];

/** How the displays of a group stand to one another: as each says itself, or in an order that follows from the list. */
export const LAYOUTS = ["free", "row", "column", "grid", "ring"] as const;
/** A word of {@linkcode LAYOUTS}. */
export type Layout = typeof LAYOUTS[number];

/** One picture across all displays, the same on each, or one for each. */
export const MODES = ["span", "mirror", "separate"] as const;
/** A word of {@linkcode MODES}. */
export type Mode = typeof MODES[number];

/** `frame`: all displays change at one moment of the shared clock; `free`: each as soon as it hears of it. */
export const SYNCS = ["free", "frame"] as const;
/** A word of {@linkcode SYNCS}. */
export type Sync = typeof SYNCS[number];

/** How a display is, by the word of its own node. */
export const DISPLAY_STATUSES = ["on", "off", "failed"] as const;
/** A word of {@linkcode DISPLAY_STATUSES}. */
export type DisplayStatus = typeof DISPLAY_STATUSES[number];

/** A window of a visualization on a display. */
export interface DisplayWindow {
  readonly id: string;
  readonly bounds: Bounds;
  /** The name of what draws in it; null for nothing yet. */
  readonly visualization: string | null;
}

/** A display as part of a group. */
export interface MemberDisplay {
  readonly display: string;
  /** Whose display it is. */
  readonly node: NodeId;
  readonly windows: readonly DisplayWindow[];
}

/** A group of displays. */
export interface DisplayGroup {
  readonly name: string;
  /** The group in whose coordinates this one stands; null for the room. */
  readonly parent: string | null;
  readonly position: Vector3;
  readonly rotation: Quaternion;
  readonly members: readonly MemberDisplay[];
  readonly layout: Layout;
  readonly mode: Mode;
  readonly sync: Sync;
  /** Change on all displays or on none. */
  readonly strict: boolean;
  /** Grows by one with every change, from 1 on. */
  readonly version: number;
}

/** A display, as its own node reports it. */
export interface Display {
  readonly name: string;
  readonly node: NodeId;
  /** [width, height] of the picture in metres; null where the machine does not know. */
  readonly size: readonly [number, number] | null;
  /** [width, height] in pixels. */
  readonly resolution: readonly [number, number];
  /** Where it stands; null where nobody has said. */
  readonly pose: { readonly position: Vector3; readonly rotation: Quaternion } | null;
  readonly status: DisplayStatus;
}

/** The subsystem and the first segment of the paths of groups. */
export const GROUPS = "groups";
/** The same for displays. */
export const DISPLAYS = "displays";
/** The same for what the host says about groups. */
export const GROUPS_STATUS = "groups-status";

/** No rotation. */
export const UPRIGHT: Quaternion = [0, 0, 0, 1];
/** Where the room begins. */
export const ORIGIN: Vector3 = [0, 0, 0];
