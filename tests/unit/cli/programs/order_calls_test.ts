// `hana stop`, `start`, `restart`, `rm` and `wait` in the output modes and with the exit codes that apply.

import { assertEquals } from "@std/assert";
import { exit, program } from "../../supervision/crew/support.ts";
import { APP, type Call, IDLE, LEFT, ordersOf, playCalls, RIGHT, UP } from "./calls.ts";

const CALLS: readonly Call[] = [
  {
    args: "stop viz",
    here: { ...LEFT, course: [{ state: "stopping", want: "down" }, { ...IDLE }] },
    code: 0,
    out: /^viz\tstage-left\treached\tidle\t1\tstopped \(run 1: stopped\)\n$/,
    ordered: ordersOf("stop", 1),
  },
  {
    args: "stop viz --now --no-wait",
    here: LEFT,
    code: 0,
    ordered: ([order]) => assertEquals(order?.body.now, true),
  },
  {
    args: "stop viz --timeout 200ms",
    here: { ...LEFT, course: [{ state: "stopping", want: "down" }] },
    code: 4,
    err: /^error: viz@stage-left did not end within 200ms\n {2}it is ending, run 1;/,
  },
  {
    args: "stop viz",
    here: { ...LEFT, course: [{ state: "unkillable", want: "down", note: "pid 12 waits in the driver" }] },
    code: 1,
    err: /it cannot be ended \(pid 12 waits in the driver\)\n/,
  },
  {
    args: "stop viz@stage-right",
    here: LEFT,
    others: [{ ...RIGHT, course: [{ ...IDLE }] }],
    code: 0,
    ordered: ([order]) => assertEquals(order?.node, "stage-right"),
  },
  {
    args: "stop tracker",
    here: LEFT,
    others: [{ ...RIGHT, course: [{ ...IDLE, generation: 3 }] }],
    code: 0,
    out: /^tracker\tstage-right\treached\t/,
  },
  {
    args: "stop viz",
    here: APP,
    others: [LEFT, RIGHT],
    code: 2,
    err:
      /^error: viz runs on 2 nodes\n {2}viz@stage-left, viz@stage-right\n {2}try: hana stop viz@stage-left\n$/,
  },
  {
    args: "stop vis",
    here: LEFT,
    code: 1,
    err: /^error: no program vis is known\n {2}did you mean viz\?\n {2}try: hana stop viz\n$/,
  },
  {
    args: "stop vis@stage-left",
    here: LEFT,
    code: 1,
    err:
      /^error: stage-left has no program vis\n {2}did you mean viz\?\n {2}try: hana stop viz@stage-left\n$/,
  },
  { args: "stop viz@nowhere", here: LEFT, code: 1, err: /^error: no node nowhere is known\n/ },
  {
    args: "stop viz@",
    here: LEFT,
    code: 2,
    err: /^error: viz@ names no node\n.*\n {2}try: hana stop viz\n$/,
  },
  { args: "stop Viz", here: LEFT, code: 2, err: /^error: "Viz" is no name.*\n.*\n {2}try: hana stop viz\n$/ },
  { args: "stop", code: 2, err: /^error: hana stop needs <PROGRAM>\n/ },
  {
    args: "stop viz aurora",
    here: { ...LEFT, course: [{ ...IDLE }] },
    code: 3,
    out: /viz\tstage-left\treached\t/,
    err: /^error: no program aurora is known\n/,
  },
  {
    args: "stop viz slate --op 01J0Q2Z5M7R8T9V0W1X2Y3Z4A5",
    here: LEFT,
    code: 2,
    err: /^error: --op with several programs\n/,
  },
  {
    args: "restart viz",
    here: { ...LEFT, course: [{ state: "stopping" }, { state: "starting", run: 2 }, { ...UP, run: 2 }] },
    code: 0,
    out: /^viz\tstage-left\treached\trunning\t2\tup, ready in 1\.8 s \(run 2\)\n$/,
    ordered: (orders) => {
      ordersOf("restart", 1)(orders);
      // Two consoles that press at once mean the same run.
      assertEquals(orders[0]?.body.run, 1);
    },
  },
  {
    args: "restart viz --op 01J0Q2Z5M7R8T9V0W1X2Y3Z4A5",
    here: { ...LEFT, course: [{ ...UP, run: 2 }] },
    code: 0,
    // The same name must mean the same demand, also when another run is up by then.
    ordered: ([order]) => assertEquals(Object.keys(order?.body ?? {}).sort(), ["by", "name", "op"]),
  },
  {
    args: "start viz",
    here: {
      name: "stage-left",
      programs: [IDLE],
      course: [{ want: "up", state: "starting", run: 2 }, { ...UP, run: 2 }],
    },
    code: 0,
    out: /\tup, ready in 1\.8 s \(run 2\)\n$/,
    ordered: ordersOf("start", 1),
  },
  {
    args: "rm viz",
    here: LEFT,
    code: 7,
    err: /^error: viz@stage-left is not stopped\n.*\n {2}try: hana rm viz@stage-left --stop\n$/,
  },
  {
    args: "rm viz",
    here: { name: "stage-left", programs: [IDLE] },
    code: 0,
    out: /^viz\tstage-left\treached\t.*is forgotten\n$/,
    ordered: ordersOf("remove", 1),
  },
  { args: "rm viz --now", here: LEFT, code: 2, err: /^error: --now without --stop\n/ },
  {
    args: "wait viz --ready",
    here: LEFT,
    code: 0,
    out: /^viz\tstage-left\treached\trunning\t1\tup, ready in 1\.8 s \(run 1\)\n$/,
  },
  {
    args: "wait viz --stopped --timeout 200ms",
    here: LEFT,
    code: 4,
    err: /did not end within 200ms\n {2}it is running, run 1;/,
  },
  { args: "wait slate", here: LEFT, code: 1, err: /^error: slate@stage-left did not get ready\n/ },
  {
    args: "wait render --exited",
    here: {
      name: "stage-left",
      programs: [
        program({
          name: "render",
          state: "done",
          run: 1,
          lastExit: exit({ run: 1, class: "failure", code: 3, signal: null }),
        }),
      ],
    },
    code: 1,
    err: /^error: render@stage-left did not end well\n {2}it ended \(run 1: exit 3\) after 42 s\n/,
  },
  { args: "wait viz slate --timeout 200ms", here: LEFT, code: 3, out: /viz\tstage-left\treached/ },
  {
    args: "wait viz --ready --stopped",
    here: LEFT,
    code: 2,
    err: /^error: --ready and --stopped together\n/,
  },
];

playCalls("orders to programs", CALLS);
