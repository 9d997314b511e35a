import { expect, test } from 'vitest';
import { quotable, readable } from '../../../src/protocols/shared/text.ts';

test('a terminal prints it as it stands', () => {
  expect(readable('red\u001b[31m\r\nX \u202eabc')).toBe('red [31m X  abc');
  expect(readable('Größe ✓')).toBe('Größe ✓');
});

test('a quoted string of a header carries it', () => {
  expect(quotable('say "hi"\\ü\r\nX: y')).toBe(`say 'hi'/ X: y`);
});
