/**
 * Checks whether a history of concurrent operations is linearizable: whether one copy of the data that performs one
 * operation at a time, each between its call and its return, could have produced it. The search of Wing and Gong
 * with Lowe's memoisation.
 */

export interface Event<Operation> {
  /** When the request was about to be sent. */
  called: number;
  /** When the answer arrived; `Infinity` without one, when the operation may or may not have happened. */
  returned: number;
  operation: Operation;
  /** A hint of its place in the order, which affects only the duration of the search. */
  guess?: number;
}

export interface Model<Operation, State> {
  initial: State;
  /** Returns the state after the operation, or null when the answer is impossible in this state. */
  step: (state: State, operation: Operation, answered: boolean) => State | null;
  /** Whether the operation changes no state in which its answer is possible. */
  changesNothing: (operation: Operation) => boolean;
  /** Returns equal texts for equal states. */
  text: (state: State) => string;
}

/** One node of the search: the operations in order so far, and the candidates for the next. */
interface Position<State> {
  state: State;
  /** All answered events before this one are in order. */
  lowest: number;
  /** Those in order from `lowest` on. */
  beyond: ReadonlySet<number>;
  /** Unanswered operations that are assumed to have happened. */
  happened: ReadonlySet<number>;
}

interface Frame<State> extends Position<State> {
  candidates: Candidate[];
}

type Candidate = { at: number; answered: boolean };

/** Bounds the search, which can be exponential: without a verdict the test fails. */
const MOST_STATES = 1_000_000;

const NONE: ReadonlySet<number> = new Set();

export function isLinearizable<Operation, State>(history: readonly Event<Operation>[], model: Model<Operation, State>): boolean {
  const byCall = [...history].sort((one, other) => one.called - other.called);
  const answered = byCall.filter(({ returned }) => returned !== Infinity);
  const unanswered = byCall.filter(({ returned }) => returned === Infinity);

  /** The candidates: operations that were called before any other one returned. */
  const candidates = (lowest: number, beyond: ReadonlySet<number>, happened: ReadonlySet<number>): Candidate[] => {
    let over = Infinity;
    const next: Candidate[] = [];
    for (let at = lowest; at < answered.length; at += 1) {
      const event = answered[at] as Event<Operation>;
      if (event.called > over) break;
      if (beyond.has(at)) continue;
      over = Math.min(over, event.returned);
      next.push({ at, answered: true });
    }
    // Early returns most likely come first; unanswered operations most likely did not happen.
    const place = ({ at }: Candidate): number => answered[at]?.guess ?? answered[at]?.returned ?? 0;
    next.sort((one, other) => place(one) - place(other));
    for (const [at, event] of unanswered.entries()) {
      if (event.called > over) break;
      if (!happened.has(at)) next.push({ at, answered: false });
    }
    // The last is tried first.
    return next.reverse();
  };

  /** Puts an operation in order. */
  const take = (from: Position<State>, { at, answered: hasAnswer }: Candidate, state: State): Position<State> => {
    if (!hasAnswer) return { ...from, state, happened: new Set(from.happened).add(at) };
    const beyond = new Set(from.beyond).add(at);
    let { lowest } = from;
    while (beyond.delete(lowest)) lowest += 1;
    return { ...from, state, lowest, beyond };
  };

  /**
   * Puts operations in order at once that change nothing and whose answer is possible now: this position is as
   * good as any other, and each choice less halves the search.
   */
  const settled = (from: Position<State>): Frame<State> => {
    let position = from;
    for (;;) {
      const left: Candidate[] = [];
      let moved = false;
      for (const candidate of candidates(position.lowest, position.beyond, position.happened)) {
        const { operation } = (candidate.answered ? answered : unanswered)[candidate.at] as Event<Operation>;
        const state = candidate.answered && model.changesNothing(operation) ? model.step(position.state, operation, true) : null;
        if (state === null) left.push(candidate);
        else {
          position = take(position, candidate, state);
          moved = true;
        }
      }
      if (!moved) return { ...position, candidates: left };
    }
  };

  const seen = new Set<string>();
  const stack = [settled({ state: model.initial, lowest: 0, beyond: NONE, happened: NONE })];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    if (frame.lowest === answered.length) return true;
    const candidate = frame.candidates.pop();
    if (candidate === undefined) {
      stack.pop();
      continue;
    }
    const event = (candidate.answered ? answered : unanswered)[candidate.at] as Event<Operation>;
    const state = model.step(frame.state, event.operation, candidate.answered);
    if (state === null) continue;
    const next = settled(take(frame, candidate, state));
    const sorted = (set: ReadonlySet<number>): string => [...set].sort((one, other) => one - other).join();
    const text = `${next.lowest};${sorted(next.beyond)};${sorted(next.happened)};${model.text(next.state)}`;
    if (seen.has(text)) continue;
    seen.add(text);
    if (seen.size > MOST_STATES) throw new Error(`undecided after ${seen.size} states`);
    stack.push(next);
  }
  return false;
}
