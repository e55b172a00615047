// How a scenario says whom it means, for everything that stands in one. Read by language/selector.ts.

/**
 * Who is meant: `viz-3`, `viz-*`, `viz-0..3`, `@role:app`, `@group:viz`, `@host:rack-1`, `@random(3)`, `@random(2, viz-*)`,
 * `@all`, `!viz-1`, or several with commas. Roles and random draws are settled when the action fires, and logged.
 */
export type Selector = string;
