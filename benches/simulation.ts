// Random requests of a cloud, and what they require of objects, KV and Keystone. docs/price.md has the assumptions and
// their reasons.
import { Awake } from "./awake.ts";
import { MOST_LISTED, RATE_LIMIT, TOKENS_REMEMBERED } from "./parameters.ts";
import { random, shares, Zipf } from "./random.ts";
import { Remembered } from "./remembered.ts";

export interface Scenario {
  seed: number;
  projects: number;
  servers: number;
  /** Zipf exponent of servers and requests among the projects. */
  projectExponent: number;
  /** Zipf exponent of a project's requests among its servers. */
  serverExponent: number;
  /** Servers per user of a project; each project has at least one user. */
  serversPerUser: number;
  requestsPerSecond: number;
  /** The share of lists among the requests; all others concern one server. */
  lists: number;
  locations: number;
  isolatesPerLocation: number;
  /** Locations of each user's clients. */
  locationsPerUser: number;
  tokenSeconds: number;
  cacheSeconds: number;
  /** Seconds without a request until an object leaves memory. */
  idleSeconds: number;
  /** Seconds of warm-up and of measurement. */
  warmUpSeconds: number;
  seconds: number;
  /** The parts to simulate; the others are skipped to save time. */
  of: { tokens: boolean; objects: boolean };
}

/** Per second, unless stated otherwise. */
export interface Figures {
  objectRequests: number;
  objectStarts: number;
  objectsAwake: number;
  mostAwake: number;
  hottestObject: number;
  /** Maximum requests of one object in one second. */
  hottestSecond: number;
  hottestList: number;
  listsAwake: number;
  /** Servers of the largest project. */
  largestProject: number;
  users: number;
  /** With embedded tokens: each token that an isolate does not know is a KV read. */
  kvReads: number;
  /** With a Keystone and KV as a cache. */
  keystone: {
    kvReads: number;
    kvWrites: number;
    validations: number /** Less than a second after the last one. */;
    quickWrites: number;
  };
  /** The share of requests above the limit per project, location and minute. */
  overLimit: number;
}

/** Maximum age of what KV shows at a location, missing keys included. */
const KV_STALE_SECONDS = 60;

/** Zipf exponent of the locations' sizes. */
const LOCATION_EXPONENT = 1;

export function simulate(scenario: Scenario): Figures {
  const chance = random(scenario.seed);
  const cloud = new Cloud(scenario, chance);
  const arrivals = (now: number): number => now - Math.log(1 - chance()) / scenario.requestsPerSecond;
  let now = arrivals(0);
  for (; now < scenario.warmUpSeconds; now = arrivals(now)) cloud.request(now);
  cloud.measure();
  const end = scenario.warmUpSeconds + scenario.seconds;
  for (; now < end; now = arrivals(now)) cloud.request(now);
  return cloud.figures();
}

class Cloud {
  readonly #sizes: number[];
  /** The number of each project's first server. */
  readonly #firsts: number[] = [];
  readonly #firstUsers: number[] = [];
  readonly #users: number;
  readonly #byProject: Zipf;
  readonly #byServer: Zipf;
  /** Per user, in order. */
  readonly #locations: Uint16Array;
  readonly #objects: Awake;
  readonly #lists: Awake;
  readonly #tokens: Tokens;
  readonly #requests: PerSecond;
  readonly #listRequests: PerSecond;
  readonly #limit: Limit;
  #sampled = { requests: 0, objects: 0, lists: 0 };

  constructor(
    readonly scenario: Scenario,
    readonly chance: () => number,
  ) {
    const { projects, servers, projectExponent, serverExponent, locations, locationsPerUser, idleSeconds } = scenario;
    this.#sizes = shares(servers, projects, projectExponent);
    let [server, user] = [0, 0];
    for (const size of this.#sizes) {
      this.#firsts.push(server);
      this.#firstUsers.push(user);
      server += size;
      user += this.#usersOf(size);
    }
    this.#users = user;
    this.#byProject = new Zipf(projectExponent);
    this.#byServer = new Zipf(serverExponent);
    const byLocation = new Zipf(LOCATION_EXPONENT);
    this.#locations = Uint16Array.from({ length: user * locationsPerUser }, () => byLocation.draw(locations, chance) - 1);
    this.#objects = new Awake(servers, idleSeconds);
    this.#lists = new Awake(projects, idleSeconds);
    this.#requests = new PerSecond(servers);
    this.#listRequests = new PerSecond(projects);
    this.#limit = new Limit(projects, locations);
    this.#tokens = new Tokens(scenario, user, chance);
  }

  #usersOf(size: number): number {
    return Math.ceil(size / this.scenario.serversPerUser);
  }

  request(now: number): void {
    const { projects, locations, isolatesPerLocation, locationsPerUser, of } = this.scenario;
    const { chance } = this;
    const project = this.#byProject.draw(projects, chance) - 1;
    const size = this.#sizes[project] ?? 1;
    const user = (this.#firstUsers[project] ?? 0) + Math.floor(chance() * this.#usersOf(size));
    const location = this.#locations[user * locationsPerUser + Math.floor(chance() * locationsPerUser)] ?? 0;
    const isolate = location * isolatesPerLocation + Math.floor(chance() * isolatesPerLocation);
    this.#limit.request(project * locations + location, now);
    if (of.tokens) this.#tokens.use(user, location, isolate, now);
    if (of.objects) this.#askObjects(project, now);
  }

  #askObjects(project: number, now: number): void {
    const { chance } = this;
    const size = this.#sizes[project] ?? 1;
    const first = this.#firsts[project] ?? 0;
    if (chance() < this.scenario.lists) {
      this.#lists.request(project, now);
      this.#listRequests.request(project, now);
      // The newest servers. Age and popularity are independent, so they have all ranks.
      const shown = Math.min(size, MOST_LISTED);
      for (let at = 0; at < shown; at += 1) this.#object(first + Math.floor((at * size) / shown), now);
    } else {
      this.#object(first + this.#byServer.draw(size, chance) - 1, now);
    }
    // Sampled once in a hundred requests.
    if (chance() < 0.01) {
      this.#sampled.requests += 1;
      this.#sampled.objects += this.#objects.count;
      this.#sampled.lists += this.#lists.count;
    }
  }

  #object(server: number, now: number): void {
    this.#objects.request(server, now);
    this.#requests.request(server, now);
  }

  /** Resets the counters after the warm-up. */
  measure(): void {
    this.#objects.starts = 0;
    this.#objects.peak = this.#objects.count;
    this.#sampled = { requests: 0, objects: 0, lists: 0 };
    this.#requests.measure();
    this.#listRequests.measure();
    this.#tokens.measure();
    this.#limit.measure();
  }

  figures(): Figures {
    const { seconds } = this.scenario;
    const { kvReads, keystone } = this.#tokens.counts;
    return {
      objectRequests: (this.#requests.total + this.#listRequests.total) / seconds,
      objectStarts: this.#objects.starts / seconds,
      objectsAwake: this.#sampled.objects / this.#sampled.requests,
      mostAwake: this.#objects.peak,
      hottestObject: this.#requests.most / seconds,
      hottestSecond: this.#requests.mostInASecond,
      hottestList: this.#listRequests.most / seconds,
      listsAwake: this.#sampled.lists / this.#sampled.requests,
      largestProject: this.#sizes[0] ?? 0,
      users: this.#users,
      kvReads: kvReads / seconds,
      keystone: {
        kvReads: keystone.kvReads / seconds,
        kvWrites: keystone.kvWrites / seconds,
        validations: keystone.validations / seconds,
        quickWrites: keystone.quickWrites / seconds,
      },
      overLimit: this.#limit.over / this.#limit.total,
    };
  }
}

/** An isolate's cache entry of a token: valid until, with embedded tokens and with a Keystone. */
interface Known {
  embedded: number;
  keystone: number;
}

/** Users' tokens: isolates' caches and the required reads, for both ways at once. */
class Tokens {
  readonly #isolates: Remembered<Known>[];
  /** When each user's first token expires; spread over time. */
  readonly #ends: Float64Array;
  /** KV's content per token: valid until, and when it was written. */
  readonly #kv = new Map<number, { until: number; written: number }>();
  /** What each location shows of it, and since when. */
  readonly #shown: Map<number, { until: number; since: number }>[];
  counts = noTokenCounts();

  constructor(
    readonly scenario: Scenario,
    readonly users: number,
    chance: () => number,
  ) {
    const { locations, isolatesPerLocation, tokenSeconds } = scenario;
    this.#isolates = Array.from({ length: locations * isolatesPerLocation }, () => new Remembered(TOKENS_REMEMBERED));
    this.#ends = Float64Array.from({ length: users }, () => chance() * tokenSeconds);
    this.#shown = Array.from({ length: locations }, () => new Map());
  }

  measure(): void {
    this.counts = noTokenCounts();
  }

  use(user: number, location: number, isolate: number, now: number): void {
    const { tokenSeconds, cacheSeconds } = this.scenario;
    const { counts } = this;
    const firstEnd = this.#ends[user] ?? 0;
    const generation = now < firstEnd ? 0 : 1 + Math.floor((now - firstEnd) / tokenSeconds);
    const token = generation * this.users + user;
    if (cacheSeconds === 0) {
      counts.kvReads += 1;
      counts.keystone.validations += 1;
      return;
    }
    const until = Math.min(now + cacheSeconds, firstEnd + generation * tokenSeconds);
    const remembered = this.#isolates[isolate];
    let known = remembered?.get(token);
    if (known === undefined) {
      known = { embedded: -Infinity, keystone: -Infinity };
      remembered?.put(token, known);
    }
    if (known.embedded <= now) {
      counts.kvReads += 1;
      known.embedded = until;
    }
    if (known.keystone <= now) known.keystone = this.#askKeystone(token, location, now, until);
  }

  /** Until when the token is valid according to KV, or else Keystone. */
  #askKeystone(token: number, location: number, now: number, until: number): number {
    const { keystone } = this.counts;
    keystone.kvReads += 1;
    const seen = this.#look(token, location, now);
    if (now < seen) return seen;
    keystone.validations += 1;
    keystone.kvWrites += 1;
    const held = this.#kv.get(token);
    if (held && now - held.written < 1) keystone.quickWrites += 1;
    this.#kv.set(token, { until, written: now });
    // A location sees its own writes at once.
    this.#shown[location]?.set(token, { until, since: now });
    return until;
  }

  /** Until when the token is valid according to KV at the location. */
  #look(token: number, location: number, now: number): number {
    const shown = this.#shown[location];
    const view = shown?.get(token);
    if (view && now < view.since + KV_STALE_SECONDS) return view.until;
    const until = this.#kv.get(token)?.until ?? -Infinity;
    shown?.set(token, { until, since: now });
    return until;
  }
}

function noTokenCounts() {
  return { kvReads: 0, keystone: { kvReads: 0, kvWrites: 0, validations: 0, quickWrites: 0 } };
}

/** Requests of each object, in total and per second. */
class PerSecond {
  readonly #all: Uint32Array;
  readonly #second: Int32Array;
  readonly #inSecond: Uint16Array;
  mostInASecond = 0;

  constructor(objects: number) {
    this.#all = new Uint32Array(objects);
    this.#second = new Int32Array(objects);
    this.#inSecond = new Uint16Array(objects);
  }

  get total(): number {
    return this.#all.reduce((one, other) => one + other, 0);
  }

  get most(): number {
    return this.#all.reduce((one, other) => Math.max(one, other), 0);
  }

  request(object: number, now: number): void {
    const second = Math.floor(now);
    const count = this.#second[object] === second ? (this.#inSecond[object] ?? 0) + 1 : 1;
    this.#second[object] = second;
    this.#inSecond[object] = count;
    this.#all[object] = (this.#all[object] ?? 0) + 1;
    if (count > this.mostInASecond) this.mostInASecond = count;
  }

  measure(): void {
    this.#all.fill(0);
    this.mostInASecond = 0;
  }
}

/** The request limit per project, location and minute. */
class Limit {
  readonly #inMinute: Uint32Array;
  #minute = 0;
  total = 0;
  over = 0;

  constructor(projects: number, locations: number) {
    this.#inMinute = new Uint32Array(projects * locations);
  }

  request(key: number, now: number): void {
    const minute = Math.floor(now / 60);
    if (minute !== this.#minute) this.#inMinute.fill(0);
    this.#minute = minute;
    const count = (this.#inMinute[key] ?? 0) + 1;
    this.#inMinute[key] = count;
    this.total += 1;
    if (count > RATE_LIMIT) this.over += 1;
  }

  measure(): void {
    this.total = 0;
    this.over = 0;
  }
}
