/**
 * Whether a history of concurrent operations could have come from a single copy of the data that does one
 * operation at a time, each at some moment between its call and its return: the search of Wing and Gong,
 * with Lowe's memory of what was tried before.
 */

export interface Event<Operation> {
  /** When the request was about to be sent. */
  called: number;
  /** When the answer was there; `Infinity` when there was none, and it may have happened or not. */
  returned: number;
  operation: Operation;
  /** A guess at its place in the order. Only the time that the search takes depends on it. */
  guess?: number;
}

export interface Model<Operation, State> {
  initial: State;
  /** The state after the operation, or null when it could not have been answered like this. */
  step: (state: State, operation: Operation, answered: boolean) => State | null;
  /** Whether it leaves every state as it is in which it can have been answered like this. */
  changesNothing: (operation: Operation) => boolean;
  /** The same text for the same state. */
  text: (state: State) => string;
}

/** One step of the search: which operations have been put in order, and which could be the next. */
interface Position<State> {
  state: State;
  /** All answered events before this one are in order. */
  lowest: number;
  /** Those in order from `lowest` on. */
  beyond: ReadonlySet<number>;
  /** Those without an answer that are taken to have happened. */
  happened: ReadonlySet<number>;
}

interface Frame<State> extends Position<State> {
  candidates: Candidate[];
}

type Candidate = { at: number; answered: boolean };

/** Refusing can take for ever; a test that cannot tell must say so, not hang. */
const MOST_STATES = 1_000_000;

const NONE: ReadonlySet<number> = new Set();

export function isLinearizable<Operation, State>(
  history: readonly Event<Operation>[],
  model: Model<Operation, State>,
): boolean {
  const byCall = [...history].sort((one, other) => one.called - other.called);
  const answered = byCall.filter(({ returned }) => returned !== Infinity);
  const unanswered = byCall.filter(({ returned }) => returned === Infinity);

  /** What may come next: what was called before any of the others had to be over. */
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
    // What had to be over first most likely came first; what has no answer most likely did not happen.
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
   * What changes nothing and could have been answered like this now is put in order now: wherever else it
   * belongs, it is right here, too, and each choice less halves the search.
   */
  const settled = (from: Position<State>): Frame<State> => {
    let position = from;
    for (;;) {
      const left: Candidate[] = [];
      let moved = false;
      for (const candidate of candidates(position.lowest, position.beyond, position.happened)) {
        const { operation } = (candidate.answered ? answered : unanswered)[candidate.at] as Event<Operation>;
        const state =
          candidate.answered && model.changesNothing(operation) ? model.step(position.state, operation, true) : null;
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
