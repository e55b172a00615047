// The table of commands: dispatch, help and completions all read it. Costs nothing to load.

import type { CommandEntry } from "../frame/entry.ts";

/** What start, stop and their like have in common on the first page of help. */
const TOGETHER = "orders to programs that are known";

/** Every command, in the order in which help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "run a node on this machine",
    load: () => import("./serve.ts"),
  },
  {
    name: "discover",
    summary: "list the nodes of the mesh",
    load: () => import("./discover.ts"),
  },
  {
    name: "ping",
    summary: "round trips to nodes, by path and lane",
    load: () => import("./ping.ts"),
  },
  {
    name: "spawn",
    summary: "start a program and keep it running",
    load: () => import("./spawn.ts"),
  },
  {
    name: "ps",
    summary: "the programs, and how they are",
    load: () => import("./ps.ts"),
  },
  {
    name: "logs",
    summary: "what programs wrote",
    load: () => import("./logs.ts"),
  },
  {
    name: "why",
    summary: "why a program stands as it does, and what to do",
    load: () => import("./why.ts"),
  },
  {
    name: "events",
    summary: "what happened to programs: alarms and all-clears",
    load: () => import("./events.ts"),
  },
  {
    name: "start",
    summary: "start programs that are known",
    together: TOGETHER,
    load: () => import("./start.ts"),
  },
  {
    name: "stop",
    summary: "end programs, and keep them ended",
    together: TOGETHER,
    load: () => import("./stop.ts"),
  },
  {
    name: "restart",
    summary: "end the present run of programs and start another",
    together: TOGETHER,
    load: () => import("./restart.ts"),
  },
  {
    name: "wait",
    summary: "wait for programs to be ready, stopped or ended",
    together: TOGETHER,
    load: () => import("./wait.ts"),
  },
  {
    name: "rm",
    summary: "forget programs that are stopped",
    together: TOGETHER,
    load: () => import("./rm.ts"),
  },
  {
    name: "apply",
    summary: "make hosts have the programs of a show, or go back",
    load: () => import("./apply.ts"),
  },
  {
    name: "state",
    summary: "the shared state: values, who holds them, and why",
    load: () => import("./state.ts"),
  },
  {
    name: "leader",
    summary: "which app leads, and letting another one lead",
    load: () => import("./leader.ts"),
  },
  {
    name: "doctor",
    summary: "what works between the machines, and what to do about the rest",
    load: () => import("./doctor.ts"),
  },
  {
    name: "call",
    summary: "send a message that a node understands",
    load: () => import("./call.ts"),
  },
  {
    name: "test-child",
    summary: "whether a program keeps the child protocol",
    load: () => import("./test_child.ts"),
  },
  {
    name: "bench",
    summary: "how fast lanes are, beside bare sockets",
    load: () => import("./bench.ts"),
  },
  {
    name: "simulate",
    summary: "the mesh on a simulated network: what it does when things fail",
    load: () => import("./simulate.ts"),
  },
  {
    name: "mesh",
    summary: "the key that makes machines one mesh",
    load: () => import("./mesh.ts"),
  },
  {
    name: "config",
    summary: "settings and where they come from",
    load: () => import("./config.ts"),
  },
  {
    name: "completions",
    summary: "tab completion for your shell",
    load: () => import("./completions.ts"),
  },
  {
    name: "help",
    summary: "help on a command or a topic",
    load: () => import("./help.ts"),
  },
  {
    name: "version",
    summary: "what this hana was made from",
    load: () => import("./version.ts"),
  },
  {
    name: "simulate-worker",
    summary: "plays runs for hana simulate",
    hidden: true,
    load: () => import("./simulate_worker.ts"),
  },
  {
    name: "bench-peer",
    summary: "the other side of hana bench",
    hidden: true,
    load: () => import("./bench_peer.ts"),
  },
  {
    name: "complete",
    summary: "names for tab completion",
    hidden: true,
    load: () => import("./complete.ts"),
  },
];
