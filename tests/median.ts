/** The middle one of several measurements, which one that was disturbed does not move. */
export function median(numbers: number[]): number {
  return numbers.toSorted((one, other) => one - other)[numbers.length >> 1] as number;
}
