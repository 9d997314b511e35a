import { describe, expect, it } from 'vitest';
import { createThrottle, networkOf, type ThrottleOptions } from '../../src/access/throttle.ts';
import { isRefusal } from '../../src/domain/errors.ts';

function start(options: ThrottleOptions = {}) {
  const clock = { time: 0 };
  const throttle = createThrottle({ now: () => new Date(clock.time), ...options });
  const fail = (count: number, address: string, name: string) => {
    for (let done = 0; done < count; done += 1) throttle.attempt(address, name);
  };
  /** seconds to wait, 0 when the attempt was let through (and counts as failed) */
  const wait = (address: string, name: string) => {
    try {
      throttle.attempt(address, name);
      return 0;
    } catch (error) {
      if (isRefusal(error, 'TOO_MANY_REQUESTS')) return error.detail.retryAfter;
      throw error;
    }
  };
  return { throttle, clock, fail, wait };
}

describe('failed log-ins', () => {
  it('lock a name at an address after five, each further one for twice as long', () => {
    const { clock, fail, wait } = start();
    fail(5, '10.0.0.1', 'admin');
    expect(wait('10.0.0.1', 'admin')).toBe(1);
    expect(wait('10.0.0.2', 'admin')).toBe(0);
    expect(wait('10.0.0.1', 'other')).toBe(0);
    for (const seconds of [1, 2, 4, 8]) {
      clock.time += seconds * 1000 - 1;
      expect(wait('10.0.0.1', 'admin')).toBe(1);
      clock.time += 1;
      expect(wait('10.0.0.1', 'admin')).toBe(0);
      expect(wait('10.0.0.1', 'admin')).toBe(seconds * 2);
    }
  });

  it('lock for a quarter of an hour at most, and knocking meanwhile does not prolong it', () => {
    const { clock, wait } = start();
    let longest = 0;
    for (let attempt = 0; attempt < 60; attempt += 1) {
      const seconds = wait('10.0.0.1', 'admin') ?? 0;
      longest = Math.max(longest, seconds);
      for (let knock = 0; knock < 3 && seconds > 0; knock += 1)
        expect(wait('10.0.0.1', 'admin')).toBe(seconds);
      clock.time += seconds * 1000;
    }
    expect(longest).toBe(900);
  });

  it('from many addresses lock the name', () => {
    const { wait } = start();
    for (let host = 0; host < 20; host += 1) expect(wait(`10.0.0.${host}`, 'admin')).toBe(0);
    expect(wait('10.0.1.1', 'admin')).toBe(1);
    expect(wait('10.0.1.1', 'other')).toBe(0);
  });

  it('for many names lock the address', () => {
    const { wait } = start();
    for (let name = 0; name < 50; name += 1) expect(wait('10.0.0.1', `name${name}`)).toBe(0);
    expect(wait('10.0.0.1', 'one more')).toBe(1);
    expect(wait('10.0.0.2', 'one more')).toBe(0);
  });

  it('are forgotten after a quiet hour', () => {
    const { clock, fail, wait } = start();
    fail(4, '10.0.0.1', 'admin');
    clock.time += 60 * 60_000;
    fail(4, '10.0.0.1', 'admin');
    expect(wait('10.0.0.1', 'admin')).toBe(0);
    expect(wait('10.0.0.1', 'admin')).toBe(1);
  });

  it('count when they start, so that many at once are many', () => {
    const { wait } = start();
    const waits = Array.from({ length: 1000 }, () => wait('10.0.0.1', 'admin'));
    expect(waits.filter(seconds => seconds === 0)).toHaveLength(5);
  });
});

describe('a success', () => {
  it('forgets the failures of the name', () => {
    const { throttle, fail, wait } = start();
    fail(4, '10.0.0.1', 'admin');
    throttle.attempt('10.0.0.1', 'admin').succeeded();
    fail(4, '10.0.0.1', 'admin');
    throttle.attempt('10.0.0.1', 'admin').succeeded();
    expect(wait('10.0.0.1', 'admin')).toBe(0);
  });

  it('does not let an account holder go on guessing others', () => {
    const { throttle, wait } = start();
    let guesses = 0;
    for (; guesses < 200 && wait('10.0.0.1', `victim${guesses}`) === 0; guesses += 1) {
      if (guesses % 3 === 0) throttle.attempt('10.0.0.1', 'myself').succeeded();
    }
    expect(guesses).toBeLessThanOrEqual(50);
  });

  it('of many people behind one address never locks it', () => {
    const { throttle, wait } = start();
    for (let person = 0; person < 500; person += 1) throttle.attempt('10.0.0.1', `name${person}`).succeeded();
    expect(wait('10.0.0.1', 'name')).toBe(0);
  });
});

describe('an attempt that was never judged', () => {
  it('counts for nothing, even the one that locked', () => {
    const { throttle, fail, wait } = start();
    fail(4, '10.0.0.1', 'admin');
    for (let round = 0; round < 100; round += 1) throttle.attempt('10.0.0.1', 'admin').withdrawn();
    expect(wait('10.0.0.1', 'admin')).toBe(0);
    expect(wait('10.0.0.1', 'admin')).toBe(1);
  });
});

describe('memory', () => {
  it('is bounded: the least recently used go first', () => {
    const { fail, wait } = start({ capacity: 3, free: { pair: 1, name: 1000, address: 1000 } });
    fail(1, '10.0.0.1', 'a');
    fail(1, '10.0.0.1', 'b');
    fail(1, '10.0.0.1', 'c');
    expect(wait('10.0.0.1', 'a')).toBe(1);
    fail(1, '10.0.0.1', 'd');
    expect(wait('10.0.0.1', 'a')).toBe(0);
    expect(wait('10.0.0.1', 'd')).toBe(1);
  });
});

describe('the network of an address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
    ['/run/socket', '/run/socket'],
  ])('%j is %j', (address, network) => expect(networkOf(address)).toBe(network));
});
