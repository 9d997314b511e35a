/**
 * Slows down the guessing of passwords: attempts are counted per name and address, per name, and per address, and beyond a
 * free number each further one locks for twice as long. An attempt counts from its start, so that a thousand at once
 * are a thousand. A lock-out also refuses the right password; tokens, which cannot be guessed, are not concerned.
 */
import { isIPv6 } from 'node:net';
import { refuse } from '../domain/errors.ts';

export interface Throttle {
  /** Counts an attempt as failed until told otherwise. @throws TOO_MANY_REQUESTS with retryAfter while locked out */
  attempt(address: string, nameHash: string): Attempt;
}

export interface Attempt {
  /** It was right: forgets what was counted for the name, and this attempt of the address. */
  succeeded(): void;
  /** It was never judged: counts for nothing. */
  withdrawn(): void;
}

export interface ThrottleOptions {
  readonly now?: () => Date;
  /** attempts that may fail before the first lock */
  readonly free?: { readonly pair: number; readonly name: number; readonly address: number };
  /** the first lock, ms; each next one is twice as long, up to `maxMs` */
  readonly baseMs?: number;
  readonly maxMs?: number;
  /** failures are forgotten after this long without another, ms */
  readonly memoryMs?: number;
  /** entries kept of each kind; the least recently used go first */
  readonly capacity?: number;
}

interface Count {
  failures: number;
  lastAt: number;
  lockedUntil: number;
}

type Settings = Required<Omit<ThrottleOptions, 'now' | 'free'>>;

export function createThrottle(options: ThrottleOptions = {}): Throttle {
  const { now = () => new Date(), free = { pair: 5, name: 20, address: 50 } } = options;
  const settings: Settings = {
    baseMs: options.baseMs ?? 1000,
    maxMs: options.maxMs ?? 15 * 60_000,
    memoryMs: options.memoryMs ?? 60 * 60_000,
    capacity: options.capacity ?? 10_000,
  };
  const [pairs, names, addresses] = [counter(free.pair), counter(free.name), counter(free.address)];
  const pairOf = (address: string, nameHash: string) => `${address} ${nameHash}`;

  function counter(freeAttempts: number) {
    return createCounter(freeAttempts, settings);
  }

  return {
    attempt(address, nameHash) {
      const time = now().getTime();
      const from = networkOf(address);
      const counted = [
        { counter: pairs, key: pairOf(from, nameHash) },
        { counter: names, key: nameHash },
        { counter: addresses, key: from },
      ];
      const until = Math.max(...counted.map(({ counter, key }) => counter.lockedUntil(key)));
      if (until > time) throw lockedOut(until - time);
      for (const { counter, key } of counted) counter.failed(key, time);
      return {
        succeeded() {
          pairs.reset(pairOf(from, nameHash));
          names.reset(nameHash);
          // not reset: whoever has an account here could otherwise go on guessing others for ever
          addresses.forgive(from);
        },
        withdrawn() {
          for (const { counter, key } of counted) counter.forgive(key);
        },
      };
    },
  };
}

function createCounter(free: number, { baseMs, maxMs, memoryMs, capacity }: Settings) {
  const counts = new Map<string, Count>();

  function countOf(key: string, time: number): Count {
    const known = counts.get(key);
    counts.delete(key);
    if (known && known.lastAt + memoryMs > time) return known;
    return { failures: 0, lastAt: time, lockedUntil: 0 };
  }

  return {
    lockedUntil: (key: string) => counts.get(key)?.lockedUntil ?? 0,
    failed(key: string, time: number) {
      const count = countOf(key, time);
      count.failures += 1;
      count.lastAt = time;
      const beyond = count.failures - free;
      if (beyond >= 0) count.lockedUntil = time + Math.min(maxMs, baseMs * 2 ** Math.min(beyond, 40));
      const oldest = counts.keys().next();
      if (counts.size >= capacity && !oldest.done) counts.delete(oldest.value);
      counts.set(key, count);
    },
    reset: (key: string) => counts.delete(key),
    forgive(key: string) {
      const count = counts.get(key);
      if (!count) return;
      count.failures -= 1;
      if (count.failures < free) count.lockedUntil = 0;
      if (count.failures <= 0) counts.delete(key);
    },
  };
}

function lockedOut(waitMs: number) {
  return refuse('TOO_MANY_REQUESTS', {
    reason: 'too many failed log-ins, this one was not looked at',
    retryAfter: Math.ceil(waitMs / 1000),
  });
}

/** One subscriber holds a whole IPv6 /64, so that is what counts; IPv4 written as IPv6 is IPv4. */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  if (mapped?.[1]) return mapped[1];
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length;
  const all = [...groups, ...Array<string>(zeros).fill('0'), ...after];
  return `${all.slice(0, 4).join(':')}::/64`;
}
