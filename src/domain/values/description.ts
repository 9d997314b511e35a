/** What a version says about itself, taken out of its files at push. Kept in evidence; events name its digest. */
import { z } from 'zod';

const line = z.string().max(2000);
const url = z.string().max(2000);

export const person = z.strictObject({
  name: line.optional(),
  email: line.optional(),
  url: url.optional(),
});

export const dependency = z.strictObject({
  /** as the ecosystem writes names: `@scope/name`, `group:artifact`, `example.com/mod` */
  name: line,
  /** the requirement as written: `^1.2.0`, `>=2,<3`, `[1.0,2.0)` */
  requirement: line.optional(),
  kind: z.enum(['runtime', 'development', 'optional', 'peer', 'build']),
});

export const description = z.strictObject({
  summary: z.string().max(10_000).optional(),
  /** an SPDX expression where what was declared could be read as one: https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/ */
  license: line.optional(),
  /** what was declared, when it is no SPDX expression */
  declaredLicense: line.optional(),
  authors: z.array(person).max(200).optional(),
  keywords: z.array(line).max(200).optional(),
  homepage: url.optional(),
  /** where the source is */
  repository: url.optional(),
  dependencies: z.array(dependency).max(5000).optional(),
  /** digest of the README's text in evidence */
  readme: z.string().optional(),
  /** what the format's own indexes are made of: a package.json, core metadata, a nuspec's fields, a Chart.yaml */
  native: z.record(z.string(), z.json()).optional(),
});

export type Description = z.output<typeof description>;
