/** Every protocol passes the shared suite. */
import { expect, it } from 'vitest';
import { PROTOCOLS } from '../../src/protocols/index.ts';
import { FIXTURES } from './fixtures.ts';
import { protocolConformance } from './protocol.ts';

it('has a fixture for every protocol, and none for what does not exist', () => {
  expect(Object.keys(FIXTURES).sort()).toEqual(PROTOCOLS.map(({ format }) => format).sort());
});

for (const { format } of PROTOCOLS) protocolConformance(format, FIXTURES[format]);
