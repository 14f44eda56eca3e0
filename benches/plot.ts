// Draws the results as SVG: bars for the sides, lines for growth.
import type { Growth } from "./growth.ts";
import type { Comparison } from "./results.ts";
import type { Spread } from "./statistics.ts";

const FONT = 'font-family="system-ui, sans-serif" font-size="13"';
const INK = "#1b2733";
const FAINT = "#d5dbe1";
const COLOURS = ["#2f6db5", "#c2572b", "#3c8d5a", "#7a4fa3", "#8a6d1f"];

/** CPU per request of each side. */
export function plotSides({ sides }: Comparison): string {
  const bars: { title: string; value: Spread }[] = sides.map(({ title, cpu }) => ({ title, value: cpu }));
  const [left, right, top, row] = [330, 90, 40, 34];
  const width = 900;
  const most = Math.max(...bars.map(({ value }) => value.high));
  const at = (value: number): number => left + (value / most) * (width - right - left);
  const height = top + bars.length * row + 36;
  const parts = [text(left, 22, "CPU per DELETE, µs; the line is from quartile to quartile", "start")];
  for (let tick = 0; tick <= most; tick += 100) {
    parts.push(
      line(at(tick), top, at(tick), height - 32, FAINT),
      text(at(tick), height - 14, tick.toLocaleString("en"), "middle"),
    );
  }
  for (const [number, { title, value }] of bars.entries()) {
    const y = top + number * row;
    const isOurs = title === "edge-metadata";
    parts.push(
      `<rect x="${left}" y="${y + 6}" width="${round(at(value.median) - left)}" height="${row - 14}" fill="${isOurs ? COLOURS[1] : COLOURS[0]}"/>`,
      line(at(value.low), y + row / 2 - 1, at(value.high), y + row / 2 - 1, INK),
      text(left - 10, y + row / 2 + 4, title, "end"),
      text(
        Math.max(at(value.high), at(value.median)) + 8,
        y + row / 2 + 4,
        Math.round(value.median).toLocaleString("en"),
        "start",
      ),
    );
  }
  return svg(width, height, parts);
}

/** CPU per DELETE against how many servers, items, tokens, deleted servers and marks there are. */
export function plotGrowth({ curves }: Growth): string {
  const [width, height, left, right, top, bottom] = [900, 360, 70, 170, 40, 50];
  const points = curves.flatMap(({ points }) => points);
  const most = Math.max(...points.map(({ cpu }) => cpu.high)) * 1.15;
  const x = logarithmic(1, Math.max(...points.map(({ count }) => count)), left, width - right);
  const y = (value: number): number => height - bottom - (value / most) * (height - top - bottom);
  const parts = [
    text(left, 22, "CPU per DELETE: 640 servers, 10 items, 10 tokens are 1", "start"),
    text((left + width - right) / 2, height - 10, "how many there are", "middle"),
  ];
  for (let value = 0; value <= most; value += 0.25) {
    parts.push(line(left, y(value), width - right, y(value), FAINT), text(left - 8, y(value) + 4, String(value), "end"));
  }
  for (const count of new Set(points.map(({ count }) => count).filter((count) => Number.isInteger(Math.log10(count))))) {
    parts.push(text(x(count), height - bottom + 18, count.toLocaleString("en"), "middle"));
  }
  for (const [number, curve] of curves.entries()) {
    const colour = COLOURS[number % COLOURS.length] ?? INK;
    const path = curve.points.map(({ count, cpu }) => `${round(x(count))},${round(y(cpu.median))}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const { count, cpu } of curve.points) {
      parts.push(
        line(x(count), y(cpu.low), x(count), y(cpu.high), colour),
        `<circle cx="${round(x(count))}" cy="${round(y(cpu.median))}" r="4" fill="${colour}"/>`,
      );
    }
    parts.push(
      line(width - right + 16, top + 10 + number * 24, width - right + 36, top + 10 + number * 24, colour),
      text(width - right + 42, top + 14 + number * 24, curve.title, "start"),
    );
  }
  return svg(width, height, parts);
}

function logarithmic(least: number, most: number, from: number, to: number): (value: number) => number {
  const span = Math.max(Math.log(most) - Math.log(least), 1e-9);
  return (value) => from + ((Math.log(Math.max(value, least)) - Math.log(least)) / span) * (to - from);
}

function svg(width: number, height: number, parts: string[]): string {
  const lines = [`<rect width="${width}" height="${height}" fill="#ffffff"/>`, ...parts].join("\n  ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ${FONT}>\n  ${lines}\n</svg>\n`;
}

function line(fromX: number, fromY: number, toX: number, toY: number, colour: string): string {
  const [x1, y1, x2, y2] = [fromX, fromY, toX, toY].map(round);
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}" stroke-width="2"/>`;
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${INK}">${content}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
