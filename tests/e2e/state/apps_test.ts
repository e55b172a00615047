// Three apps drive two visualizations over one switch: they contest a parameter, one loses its cable, the host dies.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { liveTest } from "../../support/live.ts";
import { at, Show } from "./seat.ts";
import type { SeatShown } from "./words.ts";

/** The lease of a host that died, and a second. */
const WRITABLE_MS = 6_000;
const CABLE_OUT_MS = 20_000;
/** The longest pause between two attempts to reach the host, and the attempt itself. */
const BACK_MS = 3_000;

/** Between two displays of a group; one frame at 60 Hz, and what a busy machine needs to wake a program. */
const TOGETHER_MS = 40;

const LOOK = [
  { path: "hue", type: "f32", min: 0, max: 360, unit: "°" },
  { path: "brightness", type: "unit" },
];

liveTest(
  "three apps and two visualizations: priorities, a cable out for 20 s, a late joiner, a dead host",
  async (network) => {
    const show = new Show(network);
    const seats = await show.seats(
      ["foh", { priority: 9 }],
      ["backup", { priority: 5 }],
      ["side", { priority: 1 }],
      ["wall", { role: "visualization", parameters: LOOK, displays: ["screen"] }],
      ["floor", { role: "visualization", parameters: LOOK, displays: ["carpet"] }],
    );
    const [foh, backup, side, wall, floor] = [0, 1, 2, 3, 4].map((index) => at(seats, index));
    assert(foh && backup && side && wall && floor);
    const all = [foh, backup, side, wall, floor];
    await Promise.all(all.map((seat) => seat.do("hostedBy", { id: foh.id, timeoutMs: 15_000 })));
    await Promise.all(all.map((seat) => seat.knows(["wall/hue", "wall/brightness", "floor/hue"])));

    // The newest of equals stands; a higher priority stands above it, and the others read why they are not heard.
    await side.set("wall/hue", 10);
    await backup.set("wall/hue", 20);
    await Promise.all(all.map((seat) => seat.shows("wall/hue", 20)));
    assertEquals((await side.set("wall/hue", 30, 150)).outcome, "stands");
    const shadowed = await backup.set("wall/hue", 40);
    assertEquals([shadowed.outcome, shadowed.holderName, shadowed.priority], ["shadowed", "side", 150]);
    await Promise.all(all.map((seat) => seat.shows("wall/hue", 30)));
    const why = await wall.do<{ value: unknown; claims: { name: string; fate: string }[] }>("why", {
      path: "wall/hue",
    });
    assertEquals(why.claims.map(({ name, fate }) => [name, fate]), [["side", "stands"], [
      "backup",
      "lower-priority",
    ]]);

    // The displays of both visualizations change at one moment, twice.
    assertEquals((await backup.privilege("request")).granted, true);
    await backup.knows(["displays/screen", "displays/carpet"]);
    const members = [{ display: "screen", node: wall.id }, { display: "carpet", node: floor.id }];
    for (const version of [1, 2]) {
      const group = {
        name: "Stage",
        version,
        members: members.map((member) => ({ ...member, windows: [] })),
        sync: "frame",
        strict: true,
      };
      await backup.do("group", { id: "stage", group, isNew: version === 1 });
      const shown = await Promise.all(
        [wall, floor].map((seat) => seat.do<SeatShown[]>("shown", { version, timeoutMs: 5_000 })),
      );
      const [first = NaN, second = NaN] = shown.map(([one]) => one?.atMs ?? NaN);
      assert(Math.abs(first - second) < TOGETHER_MS, `${first - second} ms between the displays`);
    }
    await side.do("knows", { paths: ["groups-status/stage"], timeoutMs: 5_000 });

    // Side holds objects, too, and loses its cable.
    assertEquals((await side.own(["floor/hue"])).granted.length, 1);
    assertEquals((await side.set("floor/hue", 300)).outcome, "stands");
    const sideNumber = (await side.status()).number;
    const { machine } = show.user("side");
    machine.pullCable("stage");
    const pulledMs = performance.now();
    await foh.seesAs("side", "suspended", CABLE_OUT_MS);
    const lostMs = performance.now() - pulledMs;
    assert(lostMs < 16_500, `suspended after ${lostMs} ms`);
    // What it held stands, until somebody writes there: then that one does, whatever the priority of the lost.
    assertEquals(await wall.do("get", { path: "floor/hue" }), 300);
    await wall.shows("wall/hue", 30);
    assertEquals((await backup.set("wall/hue", 50)).outcome, "stands");
    await floor.shows("wall/hue", 50);
    // A newcomer has everything, the one that is away among it.
    const late = await show.seat("late");
    await late.ready();
    await late.shows("floor/hue", 300);
    await late.seesAs("side", "suspended");
    assertEquals((await late.presence()).map(({ name }) => name).sort(), [
      "backup",
      "floor",
      "foh",
      "late",
      "side",
      "wall",
    ]);
    // A person at a shell sees the same, and why the value is what it is.
    const shell = show.user("late");
    const told = await shell.run(["state", "why", "wall/hue"]);
    assertEquals(told.code, 0, told.stderr);
    assertMatch(told.stdout, /backup/);
    assertMatch(told.stdout, /side/);
    await new Promise((resolve) => setTimeout(resolve, CABLE_OUT_MS - (performance.now() - pulledMs)));

    machine.plugCable("stage");
    const pluggedMs = performance.now();
    await side.do("hostedBy", { id: foh.id, timeoutMs: 15_000 });
    await foh.seesAs("side", "joined");
    const backMs = performance.now() - pluggedMs;
    assert(backMs < BACK_MS, `back after ${backMs} ms`);
    const back = await side.status();
    assertEquals([back.number, await side.owned()], [sideNumber, ["floor/hue"]], "it is who it was");
    assertEquals((await side.set("floor/hue", 310)).outcome, "stands");
    await side.shows("wall/hue", 50);

    // The host dies in the middle of writes: what was acknowledged with a copy is there, and writing goes on.
    await Promise.all([backup, side].map((seat) => seat.synced()));
    const last = await side.set("wall/hue", 77, 150);
    assertEquals(last.single, false, "a standby has it");
    const diedMs = performance.now();
    await foh.crash();
    const next = await side.set("wall/hue", 78, 150);
    const writableMs = performance.now() - diedMs;
    assertEquals(next.outcome, "stands");
    assert(writableMs < WRITABLE_MS, `writable after ${writableMs} ms`);
    const left = [backup, side, wall, floor, late];
    const id = (await side.status()).epoch?.hostId ?? "";
    assert([backup, side, late].some((app) => app.id === id), "an app hosts");
    await Promise.all(left.map((seat) => seat.do("hostedBy", { id, timeoutMs: 15_000 })));
    await Promise.all(left.map((seat) => seat.shows("wall/hue", 78)));
    await Promise.all(left.map((seat) => seat.shows("floor/hue", 310)));
    assertEquals(await side.owned(), ["floor/hue"]);
    const states = await Promise.all(left.map((seat) => seat.status()));
    const [first, ...others] = states.map(({ digests }) => digests);
    for (const other of others) assertEquals(other, first);
    assertEquals(states.map(({ counts }) => counts.alarms), [0, 0, 0, 0, 0]);
  },
  [],
  90_000,
);
