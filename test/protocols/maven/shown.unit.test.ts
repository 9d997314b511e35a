import { describe, expect, it } from 'vitest';
import type { Asked } from '../../../src/application/registry.ts';
import { createShownMetadata } from '../../../src/protocols/maven/shown.ts';

const asked = (id: string, repositoryId = 'r', credential?: string) =>
  ({ caller: { id, credential }, repository: { repositoryId } }) as unknown as Asked;
const sums = (text: string) => ({ sha1: text, md5: text });

describe('what somebody was shown', () => {
  it('is what their next checksum is about, of each algorithm once', () => {
    const shown = createShownMetadata(() => 0);
    shown.note(asked('ann'), 'a', sums('one'));
    expect(shown.take(asked('ann'), 'a', 'sha1')).toBe('one');
    expect(shown.take(asked('ann'), 'a', 'md5')).toBe('one');
    expect(shown.take(asked('ann'), 'a', 'sha1')).toBeUndefined();
    shown.note(asked('ann'), 'a', sums('two'));
    expect(shown.take(asked('ann'), 'a', 'sha1')).toBe('two');
  });

  it('is nobody else’s, and of no other document', () => {
    const shown = createShownMetadata(() => 0);
    shown.note(asked('ann', 'r', 'token'), 'a', sums('one'));
    for (const other of [asked('bob', 'r', 'token'), asked('ann', 's', 'token'), asked('ann', 'r', 'other')])
      expect(shown.take(other, 'a', 'sha1')).toBeUndefined();
    expect(shown.take(asked('ann', 'r', 'token'), 'b', 'sha1')).toBeUndefined();
  });

  it('is forgotten after a moment, and when there is much else', () => {
    let time = 0;
    const shown = createShownMetadata(() => time);
    shown.note(asked('ann'), 'a', sums('one'));
    time = 10_001;
    expect(shown.take(asked('ann'), 'a', 'sha1')).toBeUndefined();
    shown.note(asked('ann'), 'a', sums('one'));
    for (let number = 0; number < 2000; number++) shown.note(asked('bob'), `${number}`, sums('x'));
    expect(shown.take(asked('ann'), 'a', 'sha1')).toBeUndefined();
    expect(shown.take(asked('bob'), '1999', 'sha1')).toBe('x');
  });
});
