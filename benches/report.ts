// The results as Markdown, for docs/performance.md.
import type { Load } from "./connections.ts";
import type { IndexSize } from "./index-size.ts";
import type { Machine } from "./machine.ts";
import type { NovaComparison } from "./nova.ts";
import { CATEGORIES, type Category, type Profile } from "./profile.ts";
import type { Comparison, Results } from "./results.ts";
import type { Registrations } from "./registrations.ts";
import type { ExpensiveRequest } from "./requests.ts";
import type { Spread } from "./statistics.ts";

export function report(results: Results): string {
  const { memory, disk, connections, first, requests, registrations, index, growth, hot, profiles, nova } = results;
  const parts = ["<!-- Written by `npm run bench`. -->", machine(results.machine)];
  if (memory) parts.push(...comparison("Side by side, objects in memory", memory));
  if (memory) parts.push(`The same job in JavaScript answers ${results.conforming} requests as edge-metadata does.`);
  if (disk) parts.push(...comparison("Side by side, objects on a disk", disk));
  if (connections) parts.push(...withConnections(connections));
  if (first) {
    parts.push(
      "## First request after a start",
      table(
        ["", "first request, ms", "start, ms"],
        first.milliseconds.map(({ title, spread, start }) => [title, withSpread(spread, 2), withSpread(start, 1)]),
      ),
      [
        `Medians of ${first.starts} starts. edge-metadata \`GET /\` : null Rust: **${withSpread(first.ratio, 2)}**,`,
        `with nothing logged **${withSpread(first.quietRatio, 2)}** ; goal ≤ 2.5 with its log line`,
      ].join("\n"),
    );
  }
  if (requests) parts.push(...withRequests(requests));
  if (registrations) parts.push(...withRegistrations(registrations));
  if (index) parts.push(...withIndex(index));
  if (growth) {
    parts.push(
      "## Growth",
      "CPU per DELETE, as a share of that with 640 servers, 10 items and 10 tokens; medians of 9 rounds that take turns;\nmarks as a share of 8 marks.",
    );
    for (const { title, points } of growth.curves) {
      parts.push(
        table(
          [title, ...points.map(({ count }) => count.toLocaleString("en"))],
          [["CPU", ...points.map(({ cpu }) => withSpread(cpu, 2))]],
        ),
      );
    }
    parts.push(
      `A server that is awake with all its items takes ${Math.round(growth.bytesPerObject / 1000)} KB of resident memory.`,
    );
  }
  if (hot) {
    const rows = hot.loads.map(({ connections, deadlineMilliseconds, perSecond, seen }, at) => [
      String(connections),
      deadlineMilliseconds.toLocaleString("en"),
      perSecond.toFixed(0),
      (seen.p50 / 1000).toFixed(1),
      (seen.p99 / 1000).toFixed(1),
      `${((100 * seen.refused) / seen.requests).toFixed(1)} %`,
      String(seen.broken),
      ((hot.resident[at] ?? 0) / 1e6).toFixed(0),
    ]);
    parts.push(
      "## One hot object",
      table(["connections", "deadline ms", "answers/s", "p50 ms", "p99 ms", "503", "without an answer", "MB"], rows),
    );
  }
  if (profiles) parts.push(...withProfiles(profiles));
  if (nova) parts.push(...withNova(nova));
  return `${parts.join("\n\n")}\n`;
}

function machine({ date, cpu, cores, memoryBytes, kernel, load, versions }: Machine): string {
  return [
    `Measured on ${date.slice(0, 10)}: ${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, Linux ${kernel},`,
    `load average ${load.join(", ")} before the first round; ${listed(versions)}.`,
  ].join("\n");
}

function listed(versions: Record<string, string>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}

function comparison(title: string, { rounds, seconds, connections, sides, ratios }: Comparison): string[] {
  const rows = sides.map((side) => [
    side.title,
    withSpread(side.perSecond, 0),
    withSpread(side.p50, 2),
    withSpread(side.p99, 2),
    withSpread(side.cpu, 0),
    (side.peakBytes.median / 1e6).toFixed(0),
  ]);
  return [
    `## ${title}`,
    `Medians (and quartiles) of ${rounds} interleaved rounds of at most ${seconds} s each, ${connections} connections.`,
    table(["", "req/s", "p50 ms", "p99 ms", "CPU µs per request", "peak MB"], rows),
    table(
      ["ratio, of one round each", "", "goal"],
      ratios.map(({ title, goal, value }) => [title, `**${withSpread(value, 2)}**`, goal]),
    ),
  ];
}

function withConnections(loads: Load[]): string[] {
  const pair = ([own, bare]: [Spread, Spread], digits: number): string[] => [withSpread(own, digits), withSpread(bare, digits)];
  const rows = loads.map(({ connections, perSecond, p50, p99, perSecondRatio, p50Ratio, p99Ratio }) => [
    String(connections),
    ...pair(perSecond, 0),
    ...pair(p50, 2),
    ...pair(p99, 2),
    withSpread(perSecondRatio, 2),
    withSpread(p50Ratio, 2),
    `**${withSpread(p99Ratio, 2)}**`,
  ]);
  const head = [
    "connections",
    "req/s",
    "bare",
    "p50 ms",
    "bare",
    "p99 ms",
    "bare",
    "req/s ratio",
    "p50 ratio",
    "p99 ratio (goal ≤ 1.2)",
  ];
  return ["## Few and many connections, objects on a disk", table(head, rows)];
}

function withRequests(requests: ExpensiveRequest[]): string[] {
  const others = requests[0]?.milliseconds.slice(1) ?? [];
  const rows = requests.map(({ title, goal, milliseconds, ratios, bytes }) => [
    title,
    ...milliseconds.map(({ spread }) => withSpread(spread, 1)),
    ...ratios.map((ratio) => withSpread(ratio, 2)),
    bytes.toLocaleString("en"),
    goal,
  ]);
  const head = ["ms of CPU", "edge-metadata", ...others.map(({ side }) => side), ...others.map(() => "ratio"), "bytes", "goal"];
  return ["## Expensive requests", table(head, rows)];
}

function withRegistrations({ connections, servers, rounds, own, bare, ratio }: Registrations): string[] {
  return [
    "## Registrations of new servers",
    [
      `${servers} at once by ${connections} connections, objects on a disk, medians of ${rounds} rounds:`,
      `${withSpread(own, 0)} a second, a bare object's one table and one row ${withSpread(bare, 0)};`,
      `**${withSpread(ratio, 2)}** (goal ≥ 0.6)`,
    ].join("\n"),
  ];
}

function withIndex({ counts, requests }: IndexSize): string[] {
  const rows = requests.map(({ title, milliseconds }) => [title, ...milliseconds.map((spread) => withSpread(spread, 1))]);
  return ["## The size of a list", table(["ms of CPU", ...counts.map((count) => count.toLocaleString("en"))], rows)];
}

function withProfiles(profiles: Profile[]): string[] {
  const rows = Object.entries(CATEGORIES).map(([category, title]) => [
    title,
    ...profiles.map(({ categories }) => categories[category as Category].toFixed(0)),
  ]);
  rows.push(["all", ...profiles.map(({ cpu }) => cpu.toFixed(0))]);
  return ["## Where the CPU goes", table(["µs per DELETE", ...profiles.map(({ side }) => side)], rows)];
}

function withNova({ rounds, seconds, items, processes, versions, sides, ratios }: NovaComparison): string[] {
  const rows = sides.map((side) => [
    side.title,
    String(side.connections),
    withSpread(side.perSecond, 0),
    withSpread(side.p50, 2),
    withSpread(side.p99, 2),
    withSpread(side.cpu, 0),
    side.databaseCpu ? withSpread(side.databaseCpu, 0) : "",
  ]);
  return [
    "## A real Nova",
    [
      `Medians (and quartiles) of ${rounds} interleaved rounds of at most ${seconds} s each, ${items} items a server.`,
      `${listed(versions)}; ${processes} processes of Nova's, databases in memory, tokens cached.`,
    ].join("\n"),
    table(["", "connections", "req/s", "p50 ms", "p99 ms", "CPU µs per DELETE", "CPU µs of MariaDB"], rows),
    table(
      ["ratio, of one round each", ""],
      ratios.map(({ title, value }) => [title, `**${withSpread(value, 1)}**`]),
    ),
  ];
}

function withSpread({ median, low, high }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
