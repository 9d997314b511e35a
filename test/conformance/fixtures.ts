/** One fixture for each protocol: a format without one does not compile. */
import type { Format } from '../../src/protocols/index.ts';
import type { ProtocolFixture } from './fixture.ts';
import { genericFixture } from './generic-fixture.ts';
import { goFixture } from './go-fixture.ts';
import { helmFixture } from './helm-fixture.ts';
import { mavenFixture } from './maven-fixture.ts';
import { npmFixture } from './npm-fixture.ts';
import { nugetFixture } from './nuget-fixture.ts';
import { ociFixture } from './oci-fixture.ts';
import { pythonFixture } from './python-fixture.ts';

export const FIXTURES: Readonly<Record<Format, ProtocolFixture>> = {
  oci: ociFixture,
  generic: genericFixture,
  go: goFixture,
  npm: npmFixture,
  python: pythonFixture,
  maven: mavenFixture,
  helm: helmFixture,
  nuget: nugetFixture,
};
