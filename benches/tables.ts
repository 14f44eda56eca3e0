// Markdown tables, and the format of their numbers.

export function print(title: string, head: string[], rows: string[][]): void {
  const line = (cells: string[]): string => `| ${cells.join(" | ")} |`;
  process.stdout.write(`### ${title}\n\n${[line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n")}\n\n`);
}

/** Three significant digits. */
export function amount(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(value)));
  const rounded = value < 1_000 ? Number(value.toFixed(Math.min(digits, 3))) : Number(value.toPrecision(3));
  if (rounded >= 1e9) return `${rounded / 1e9} billion`;
  if (rounded >= 1e6) return `${rounded / 1e6} million`;
  return rounded.toLocaleString("en");
}

export function perSecond(value: number): string {
  return `${amount(value)}/s`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function dollars(value: number): string {
  return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}
