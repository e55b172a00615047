// What goes wrong in runs of shared state on its cores: hosts die and freeze, ways part, clients vanish, messages and
// memory are damaged, and somebody comes with tokens that are not his.
// Decides what and when, by draws; core_show.ts does it.

import type { NodeId } from "../../../lib/base/mod.ts";
import type { LinkNumber } from "../../../lib/state/holding/mod.ts";
import { STATE_PROTOCOL } from "../../../lib/state/messages/mod.ts";
import type { StateNews } from "../../../lib/simulate/state_facts.ts";
import type { Draws } from "../lanes/random.ts";
import { type Candidate, type Desk, type HostRun, idOf, type Link, MS, SECOND } from "./core_parts.ts";
import type { Ways } from "./core_ways.ts";

/** Whom it befalls. */
export interface Troubled {
  readonly nowUs: number;
  readonly random: Draws;
  readonly candidates: readonly Candidate[];
  readonly desks: readonly Desk[];
  readonly ways: Ways;
  readonly current: Candidate | null;
  at(atUs: number, run: () => void): void;
  isAble(candidate: Candidate): boolean;
  crash(candidate: Candidate, lastsUs: number): void;
  freeze(candidate: Candidate, lastsUs: number): void;
  close(link: Link, isTold: boolean): void;
  boot(desk: Desk, token: Uint8Array | null): void;
  pumpHost(candidate: Candidate, run: HostRun): void;
  tell(node: string, news: StateNews): void;
}

/** Has something go wrong again and again. */
export function beginTrouble(show: Troubled, fromUs: number, untilUs: number): void {
  const next = (): void => {
    if (show.nowUs >= untilUs) return;
    strike(show, untilUs);
    show.at(show.nowUs + 1 + Math.floor(show.random.float() * 1_600 * MS), next);
  };
  show.at(fromUs, next);
}

function strike(show: Troubled, untilUs: number): void {
  const { random, current, nowUs, ways } = show;
  const lastsUs = Math.min(Math.floor(200 * MS + random.float() * 3 * SECOND), untilUs - nowUs);
  const desk = show.desks[random.below(show.desks.length)];
  const able = show.candidates.filter((each) => show.isAble(each));
  const host = random.below(2) === 0 && current !== null ? current : able[random.below(able.length)];
  if (desk === undefined || host === undefined) return;
  switch (random.below(9)) {
    case 0:
      // Of three one may die at a time, so that a copy survives.
      if (able.length === 3) show.crash(host, lastsUs);
      return;
    case 1:
    case 2:
      if (able.length === 3) show.freeze(host, lastsUs);
      return;
    case 3:
      ways.part((name) => name === host.name ? 1 : 0);
      return show.at(nowUs + lastsUs, () => ways.part(() => 0));
    case 4:
      ways.part(() => random.below(2));
      return show.at(nowUs + lastsUs, () => ways.part(() => 0));
    case 5:
      if (desk.link !== null) show.close(desk.link, true);
      return;
    case 6:
      return spoil(show, desk, lastsUs);
    case 7:
      desk.hands.damage(1 + random.below(3));
      desk.undisturbedSinceUs = nowUs;
      return;
    case 8: {
      if (random.below(3) === 0) {
        desk.frozenUntilUs = nowUs + lastsUs;
        return;
      }
      const { token } = desk.replica;
      if (desk.link !== null) show.close(desk.link, false);
      desk.reconnectUs = nowUs + lastsUs;
      return show.boot(desk, random.below(3) === 0 ? null : token);
    }
  }
}

function spoil(show: Troubled, desk: Desk, lastsUs: number): void {
  const { random } = show;
  desk.spoil = {
    loss: random.float() * 0.25,
    duplicate: random.float() * 0.1,
    reorder: random.float() * 0.2,
  };
  show.tell(desk.node, { what: "app", app: desk.name, does: "is-spoiled" });
  show.at(show.nowUs + lastsUs, () => {
    desk.spoil = null;
    desk.undisturbedSinceUs = show.nowUs;
  });
}

/** Has somebody come with tokens of clients, from another machine or as a program that kept an old one. */
export function beginThefts(show: Troubled, fromUs: number, untilUs: number): void {
  const { random } = show;
  const next = (): void => {
    if (show.nowUs >= untilUs) return;
    const desk = show.desks[random.below(show.desks.length)];
    const token = desk?.tokens[random.below(desk.tokens.length)];
    if (desk !== undefined && token !== undefined) {
      present(show, random.below(2) === 0 ? idOf(999) : desk.id, token, desk);
    }
    show.at(show.nowUs + SECOND + Math.floor(random.float() * 3 * SECOND), next);
  };
  show.at(fromUs, next);
}

function present(show: Troubled, nodeId: NodeId, token: Uint8Array, desk: Desk): void {
  const { current: candidate, nowUs } = show;
  const run = candidate?.host ?? null;
  if (candidate === null || run === null || !show.isAble(candidate)) return;
  // With its own newest token it would be the client itself.
  if (nodeId === desk.id && (desk.tokens.at(-1) === token || desk.tokens.length < 2)) return;
  const number = ++run.lastLink as LinkNumber;
  run.host.handleJoined(nowUs, number, { identity: { nodeId, key: null }, level: "crew" });
  run.host.handleMessage(nowUs, number, {
    kind: "hello",
    protocol: STATE_PROTOCOL,
    name: "thief",
    token,
    epoch: null,
    have: [],
    interests: [],
    capabilities: [],
  });
  run.host.handleLeft(nowUs, number);
  show.pumpHost(candidate, run);
}
