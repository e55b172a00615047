// Eight clients move faders thirty times a second, contest them, claim objects, restart, freeze and come back.
// Seconds as a test; STATE_SOAK_MINUTES makes it as long as wanted (scripts/nightly). At the end all copies are equal, nobody
// is left over, nothing was refused for its form, and no process has grown.

// deno-lint-ignore-file no-console

import { assert, assertEquals } from "@std/assert";
import { liveTest } from "../../support/live.ts";
import { at, type Seat, Show } from "./seat.ts";

const MINUTES = Number(Deno.env.get("STATE_SOAK_MINUTES") ?? 0);
const SOAK_MS = MINUTES > 0 ? MINUTES * 60_000 : 9_000;
/** One client after the other is restarted at this pace. */
const RESTART_MS = MINUTES > 0 ? 10_000 : 3_000;
const CLIENTS = 8;
const FADERS = 16;
/** What a process may grow between the first quarter and the end: buffers and the collector's slack, no more. */
const MAX_GROWTH_BYTES = 48 << 20;
const PATHS = Array.from({ length: FADERS }, (_, index) => `desk-0/fader-${index}`);

/** Draws that repeat. */
function drawing(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

async function move(seat: Seat, draw: (below: number) => number): Promise<void> {
  const first = draw(FADERS);
  const own = PATHS.filter((_, index) => index === first || draw(4) === 0);
  const priorities = Array.from({ length: 7 }, () => 1 + draw(200));
  await seat.do("faders", { paths: own, hz: 30, priorities, step: 1 + draw(5) });
}

liveTest(
  "eight clients that move, contest, claim, restart and freeze all the time end up with the same state",
  async (network) => {
    const draw = drawing(20_261_120);
    const show = new Show(network);
    const parameters = Array.from({ length: FADERS }, (_, index) => ({
      path: `fader-${index}`,
      type: "f32",
      min: 0,
      max: 360,
      merge: index % 4 === 3 ? "highest" : "latest",
      onLoss: ["hold", "default", "fallback"][index % 3],
    }));
    const join = (name: string) => show.seat(name, { gives: true });
    const host = await show.seat("desk-0", { host: true, parameters, gives: true });
    const seats = [
      host,
      ...await Promise.all(Array.from({ length: CLIENTS - 1 }, (_, index) => join(`desk-${index + 1}`))),
    ];
    for (const seat of seats) {
      await seat.ready();
      await seat.knows(PATHS);
      await move(seat, draw);
    }
    const startMs = performance.now();
    const passedMs = () => performance.now() - startMs;
    const baseline = new Map<string, number>();
    let next = RESTART_MS;
    let restarts = 0;
    let owned = 0;
    const restart = async (index: number, end: (seat: Seat) => Promise<void>): Promise<void> => {
      const seat = at(seats, index);
      const { token } = await seat.status();
      await end(seat);
      const back = await show.seat(seat.name, { gives: true, token });
      await back.ready();
      await back.knows(PATHS);
      await move(back, draw);
      seats[index] = back;
      baseline.delete(back.name);
    };
    while (passedMs() < SOAK_MS) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      // Whatever is asked for is given, refused or asked of its owner; nothing may hang.
      const asker = at(seats, draw(CLIENTS));
      const { granted } = await asker.own([PATHS[draw(FADERS)] ?? ""], draw(2) === 0);
      owned += granted.length;
      const owner = at(seats, draw(CLIENTS));
      await owner.do("disown", { paths: await owner.owned() });
      if (baseline.size === 0 && passedMs() > SOAK_MS / 4) {
        for (const seat of seats) baseline.set(seat.name, (await seat.do<{ rss: number }>("memory")).rss);
      }
      if (passedMs() < next) continue;
      next += RESTART_MS;
      const index = 1 + restarts % (CLIENTS - 1);
      const victim = at(seats, index);
      switch (restarts++ % 3) {
        case 0:
          // Killed, and started anew: it is who it was.
          await restart(index, (seat) => seat.crash());
          break;
        case 1:
          victim.process.kill("SIGSTOP");
          await new Promise((resolve) => setTimeout(resolve, 2_000));
          victim.process.kill("SIGCONT");
          break;
        case 2:
          await restart(index, (seat) => seat.stop());
      }
    }

    // Whoever was restarted last has moved, too.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const moved = await Promise.all(seats.map((seat) => seat.do<{ written: number }>("stopFaders")));
    assert(moved.every(({ written }) => written > 0), JSON.stringify(moved));
    await Promise.all(seats.map((seat) => seat.synced()));
    // What one of them wrote last is there with all of them.
    const mark = await host.do<{ outcome: string }>("set", { path: PATHS[1], value: 42.5, priority: 200 });
    assert(["stands", "shadowed", "accepted"].includes(mark.outcome), mark.outcome);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await Promise.all(seats.map((seat) => seat.synced()));
    const states = await Promise.all(seats.map((seat) => seat.status()));
    const [first, ...others] = states.map(({ digests }) => digests);
    assert(PATHS.every((path) => first?.[path] !== undefined), JSON.stringify(first));
    for (const other of others) assertEquals(other, first);
    assertEquals(states.map(({ counts }) => counts.alarms), states.map(() => 0));
    const names = (await host.presence()).filter(({ state }) => state === "joined").map(({ name }) => name);
    assertEquals(names.sort(), seats.map(({ name }) => name).sort());
    assert(owned > 0 && restarts > 1, `${owned} objects, ${restarts} restarts`);

    const { state } = await host.do<{ state: { host: Readonly<Record<string, number>> } }>("statistics");
    const { malformed = 0, overflown = 0, differences = 0 } = state.host;
    assertEquals({ malformed, overflown, differences }, { malformed: 0, overflown: 0, differences: 0 });
    const grown: string[] = [];
    for (const seat of seats) {
      const before = baseline.get(seat.name);
      if (before === undefined) continue;
      const { rss } = await seat.do<{ rss: number }>("memory");
      grown.push(`${seat.name} ${Math.round((rss - before) / 1024)} KiB`);
      assert(rss - before < MAX_GROWTH_BYTES, `${seat.name} grew from ${before} to ${rss} bytes`);
    }
    if (MINUTES > 0) {
      console.log(`${SOAK_MS / 60_000} minutes, ${restarts} restarts; grown: ${grown.join(", ")}`);
    }
  },
  [],
  SOAK_MS + 60_000,
);
