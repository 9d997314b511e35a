/** What people call a package names it in the management API, as its ecosystem takes names for the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, adminAt } from '../conformance/client.ts';
import { type InProcess, startInProcess } from '../conformance/server.ts';
import { makeNupkg, pushForm } from '../support/nupkgs.ts';
import { makeWheel, uploadForm } from '../support/python-dists.ts';

let server: InProcess;
let admin: Actor;
beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
  const wheel = uploadForm(makeWheel({ name: 'My_Widget', version: '1.0rc1' }));
  expect((await admin.ask('POST', '/pkg/main/python/python/', wheel)).status).toBe(200);
  const nupkg = pushForm(makeNupkg({ id: 'Acme.Widget', version: '1.2.0' }).bytes);
  expect((await admin.ask('PUT', '/pkg/main/nuget/nuget/package/', nupkg)).status).toBe(201);
});
afterAll(() => server?.stop());

interface Items<T> {
  readonly items: readonly T[];
}
const query = (of: Readonly<Record<string, string>>) => new URLSearchParams(of).toString();

describe.each([
  {
    format: 'python',
    listed: 'My_Widget',
    kept: 'my-widget',
    spelled: 'My.widget',
    version: '1.0rc1',
    other: 'v1.0-RC.1',
  },
  {
    format: 'nuget',
    listed: 'Acme.Widget',
    kept: 'acme.widget',
    spelled: 'ACME.Widget',
    version: '1.2.0',
    other: '1.02',
  },
])('$format', ({ format, listed, kept, spelled, version, other }) => {
  const place = { project: 'main', repository: format };

  it('what a list shows can be asked for', async () => {
    const { items } = await server.api<Items<{ name: string }>>(
      'GET',
      `/projects/main/repositories/${format}/packages`,
    );
    expect(items.map(({ name }) => name)).toEqual([listed]);
    for (const name of [listed, kept, spelled]) {
      const versions = await server.api<Items<{ version: string }>>(
        'GET',
        `/projects/main/repositories/${format}/versions?${query({ package: name })}`,
      );
      expect(versions.items.map(one => one.version)).toEqual([version]);
      for (const wanted of [version, other]) {
        const of = { ...place, package: name, version: wanted };
        expect(await server.api('GET', `/artifact?${query(of)}`)).toMatchObject({ package: kept, version });
      }
      const history = await server.api<Items<object>>(
        'GET',
        `/history?${query({ ...place, package: name })}`,
      );
      expect(history.items.length).toBeGreaterThan(0);
    }
  });

  it('is held and released under any of its names', async () => {
    const of = { ...place, package: spelled, version: other };
    const { id } = await server.api<{ id: string }>('POST', '/holds', { ...of, reason: 'looks bad' });
    const shown = `/artifact?${query({ ...place, package: kept, version })}`;
    expect(await server.api('GET', shown)).toMatchObject({ held: true });
    await server.api('POST', `/holds/${id}/release`, {});
    expect(await server.api('GET', shown)).toMatchObject({ held: false });
  });

  it('what is no name there is unknown, not an error', async () => {
    const of = { ...place, package: 'no name!', version: '///' };
    const answer = await admin.ask('GET', `/api/v1/artifact?${query(of)}`);
    expect(answer.status).toBe(404);
  });
});
