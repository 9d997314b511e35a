/** Maven's protocol over HTTP: what clients send, in the orders and at the times in which they do not. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, type Answer, adminAt, anonymousAt, jsonOf, person } from '../../conformance/client.ts';
import { type InProcess, startInProcess } from '../../conformance/server.ts';
import { open } from '../../http/raw.ts';
import { makeZip } from '../../support/zip-maker.ts';

let server: InProcess;
let [admin, viewer] = [] as unknown as [Actor, Actor];
const BASE = '/maven/main/maven';

beforeAll(async () => {
  server = await startInProcess();
  admin = await adminAt(server);
  viewer = await person(server, 'viewer', [{ role: 'viewer', project: 'main' }]);
});
afterAll(() => server?.stop());

let made = 0;
const fresh = () => `lib${++made}`;
const put = (path: string, body: string | Uint8Array, as = admin) =>
  as.ask('PUT', `${BASE}/${path}`, { body });
const get = (path: string, as = viewer) => as.ask('GET', `${BASE}/${path}`);
const remove = (path: string) => admin.ask('DELETE', `${BASE}/${path}`);
const hex = (algorithm: string, body: string | Uint8Array) =>
  createHash(algorithm).update(body).digest('hex');

const pomOf = (artifact: string, version: string, inside = '') =>
  `<project><groupId>com.acme</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${inside}</project>`;

const pluginJar = (prefix: string) =>
  makeZip([
    {
      path: 'META-INF/maven/plugin.xml',
      content: `<plugin><goalPrefix>${prefix}</goalPrefix><mojos></mojos></plugin>`,
    },
  ]);

/** A jar and its pom. */
async function deployed(artifact: string, version: string, inside = ''): Promise<string> {
  const stem = `com/acme/${artifact}/${version}/${artifact}-${version}`;
  for (const [extension, body] of [
    ['jar', `jar of ${artifact} ${version}`],
    ['pom', pomOf(artifact, version, inside)],
  ] as const) {
    const answer = await put(`${stem}.${extension}`, body);
    expect(answer.status, answer.text).toBe(201);
  }
  return stem;
}

const versionsIn = (answer: Answer) =>
  answer.status === 200
    ? [...answer.text.matchAll(/<version>([^<]+)</g)].map(([, text]) => text)
    : answer.status;
const metadataOf = (artifact: string) => get(`com/acme/${artifact}/maven-metadata.xml`);

describe('checksums', () => {
  it.each(['md5', 'sha1', 'sha256', 'sha512'])(
    '%s: 200 when right, in every notation, else 400',
    async algorithm => {
      const stem = await deployed(fresh(), '1.0');
      const right = hex(algorithm, (await get(`${stem}.jar`)).body);
      for (const said of [
        right,
        right.toUpperCase(),
        `${right}  lib-1.0.jar\n`,
        `SHA(lib-1.0.jar)= ${right}`,
      ])
        expect((await put(`${stem}.jar.${algorithm}`, said)).status, said).toBe(200);
      for (const said of ['', 'x', hex(algorithm, 'other'), `${right}0`]) {
        const answer = await put(`${stem}.jar.${algorithm}`, said);
        expect([said, answer.status, answer.text]).toEqual([said, 400, expect.stringContaining(right)]);
      }
      expect((await get(`${stem}.jar.${algorithm}`)).text).toBe(right);
      expect((await get(`${stem}.jar`)).headers.get(`x-checksum-${algorithm}`)).toBe(right);
    },
  );

  it('of what is not there is 404; of a checksum that a build deploys as a file of its own is taken', async () => {
    const stem = await deployed(fresh(), '1.0');
    expect((await put(`${stem}-docs.jar.sha1`, hex('sha1', 'x'))).status).toBe(404);
    expect((await put(`${stem}.jar.sha512.sha1`, hex('sha1', 'x'))).status).toBe(200);
    expect((await get(`${stem}-docs.jar.sha1`)).status).toBe(404);
    expect((await get(`${stem}.jar.sha512.sha1`)).status).toBe(404);
    expect((await put(`${stem}.jar.sha1`, 'x'.repeat(10_000))).status).toBe(413);
  });

  it('of metadata are those of what is served', async () => {
    const artifact = fresh();
    await deployed(artifact, '1.0');
    const { body, headers } = await metadataOf(artifact);
    const sum = await get(`com/acme/${artifact}/maven-metadata.xml.sha1`);
    expect([sum.text, headers.get('x-checksum-sha1')]).toEqual([hex('sha1', body), hex('sha1', body)]);
  });

  it('a pusher compares also what is held, and learns nothing of its bytes', async () => {
    const artifact = fresh();
    const stem = await deployed(artifact, '1.0');
    const right = (await get(`${stem}.jar.sha1`)).text;
    const about = { project: 'main', repository: 'maven', package: `com.acme:${artifact}`, version: '1.0' };
    await admin.api('POST', '/holds', { ...about, reason: 'until scanned' });
    expect((await put(`${stem}.jar.sha1`, right)).status).toBe(200);
    expect((await get(`${stem}.jar.sha1`, admin)).status).toBe(403);
    expect((await put(`${stem}.jar.sha1`, right, viewer)).status).toBe(403);
  });
});

describe('publishing', () => {
  it('the same again is nothing new, other bytes are 409 with a reason phrase', async () => {
    const artifact = fresh();
    const stem = await deployed(artifact, '1.0');
    expect((await put(`${stem}.jar`, `jar of ${artifact} 1.0`)).status).toBe(200);
    const raw = await open(server.port);
    const { authorization = '' } = admin;
    raw.write(
      `PUT ${BASE}/${stem}.jar HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nother`,
    );
    expect(await raw.end()).toMatch(
      /^HTTP\/1\.1 409 This version exists already with other content: \S+\.jar already exists/,
    );
    expect((await get(`${stem}.jar`)).text).toBe(`jar of ${artifact} 1.0`);
  });

  it('refuses who may not, what is too large and what is misnamed before it sends 100', async () => {
    const stranger = anonymousAt(server.url);
    const first = async (
      path: string,
      { authorization = '' }: Pick<Actor, 'authorization'>,
      length = 1e9,
    ) => {
      const raw = await open(server.port);
      const login = authorization === '' ? '' : `Authorization: ${authorization}\r\n`;
      raw.write(
        `PUT ${BASE}/${path} HTTP/1.1\r\nHost: a\r\n${login}Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`,
      );
      const answer = await raw.until(/\r\n\r\n/);
      raw.socket.destroy();
      return Number(answer.split(' ')[1]);
    };
    const jar = 'com/acme/refused/1.0/refused-1.0.jar';
    expect(await first(jar, stranger)).toBe(401);
    expect(await first(jar, viewer)).toBe(403);
    expect(await first('com/acme/refused/1.0/other-1.0.jar', admin)).toBe(400);
    expect(await first('com/acme/refused/maven-metadata.xml', admin)).toBe(413);
    expect(await first(jar, admin, 3)).toBe(100);
    expect((await get(jar)).status).toBe(404);
  });

  it('refuses poms that are none, and leaves nothing behind', async () => {
    const artifact = fresh();
    const path = `com/acme/${artifact}/1.0/${artifact}-1.0.pom`;
    for (const [body, status] of [
      [
        '<!DOCTYPE project [<!ENTITY x SYSTEM "file:///etc/passwd">]><project><name>&x;</name></project>',
        400,
      ],
      ['<project>', 400],
      [`<project>${'<a>'.repeat(500)}${'</a>'.repeat(500)}</project>`, 400],
      [' '.repeat(3 * 1024 * 1024), 413],
    ] as const)
      expect([body.slice(0, 20), (await put(path, body)).status]).toEqual([body.slice(0, 20), status]);
    expect((await get(path)).status).toBe(404);
    expect((await metadataOf(artifact)).status).toBe(404);
  });

  it.each([
    ['another artifact', '<groupId>com.acme</groupId><artifactId>other</artifactId><version>1.0</version>'],
    ['another version', '<groupId>com.acme</groupId><artifactId>NAME</artifactId><version>1.1</version>'],
    ['another group', '<groupId>com.evil</groupId><artifactId>NAME</artifactId><version>1.0</version>'],
    ['a snapshot', '<groupId>com.acme</groupId><artifactId>NAME</artifactId><version>1.0-SNAPSHOT</version>'],
    [
      'a group in other letters',
      '<groupId>com.Acme</groupId><artifactId>NAME</artifactId><version>1.0</version>',
    ],
    [
      "its parent's version",
      '<parent><groupId>com.acme</groupId><version>7</version></parent><artifactId>NAME</artifactId>',
    ],
    [
      "its parent's group",
      '<parent><groupId>org.x</groupId><version>1.0</version></parent><artifactId>NAME</artifactId>',
    ],
  ])('refuses a pom of %s than its address says', async (_what, coordinates) => {
    const artifact = fresh();
    const path = `com/acme/${artifact}/1.0/${artifact}-1.0.pom`;
    const answer = await put(path, `<project>${coordinates.replace('NAME', artifact)}</project>`);
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringMatching(new RegExp(`pom is of .* and its address is of com\\.acme:${artifact}:1\\.0`)),
    ]);
    expect((await get(path)).status).toBe(404);
  });

  it.each([
    [
      'inherits',
      '<parent><groupId>com.acme</groupId><artifactId>p</artifactId><version>1.0</version></parent><artifactId>NAME</artifactId>',
    ],
    [
      'inherits, and says its own version',
      '<parent><groupId>com.acme</groupId><version>[1,2)</version></parent><artifactId> NAME </artifactId><version>1.0</version>',
    ],
    [
      'leaves to the command line',
      '<groupId>com.acme</groupId><artifactId>NAME</artifactId><version>@{revision}</version><properties><revision>0.0-SNAPSHOT</revision></properties>',
    ],
    [
      'leaves to its parent',
      '<parent><groupId>@{g}</groupId><version>1.@{minor}</version></parent><artifactId>NAME</artifactId>',
    ],
    [
      'is a parent of',
      '<groupId>com.acme</groupId><artifactId>NAME</artifactId><version>1.0</version><packaging>pom</packaging>',
    ],
    [
      'moved on from',
      '<groupId>com.acme</groupId><artifactId>NAME</artifactId><version>1.0</version><distributionManagement><relocation><groupId>org.x</groupId></relocation></distributionManagement>',
    ],
  ])('takes a pom that %s its coordinates', async (_what, coordinates) => {
    const artifact = fresh();
    const path = `com/acme/${artifact}/1.0/${artifact}-1.0.pom`;
    const answer = await put(
      path,
      `<project>${coordinates.replace('NAME', artifact).replaceAll('@', '$')}</project>`,
    );
    expect(answer.status, answer.text).toBe(201);
  });

  it("takes a snapshot's pom by its base version, and by that of its build", async () => {
    const artifact = fresh();
    const folder = `com/acme/${artifact}/1-SNAPSHOT/${artifact}-1`;
    const named = async (build: string, says: string) =>
      (await put(`${folder}-${build}.pom`, pomOf(artifact, says))).status;
    expect(await named('20260131.120000-1', '1-SNAPSHOT')).toBe(201);
    expect(await named('20260131.120000-2', '1-20260131.120000-2')).toBe(201);
    expect(await named('SNAPSHOT', '1-SNAPSHOT')).toBe(201);
    expect(await named('20260131.120000-3', '1')).toBe(400);
    expect(await named('20260131.120000-3', '1-20260131.120000-2')).toBe(400);
  });

  it('takes the description from the pom, though the jar came first', async () => {
    const artifact = fresh();
    await deployed(artifact, '1.0', '<description>said by the pom</description>');
    const about = `project=main&repository=maven&package=com.acme:${artifact}&version=1.0`;
    expect(jsonOf(await viewer.api('GET', `/artifact/description?${about}`))).toMatchObject({
      summary: 'said by the pom',
    });
    const shown = jsonOf(await viewer.api('GET', `/artifact?${about}`));
    expect(shown.purl).toBe(`pkg:maven/com.acme/${artifact}@1.0`);
  });

  it('replaces a snapshot under its literal name, as such clients expect, but no build', async () => {
    const artifact = fresh();
    const folder = `com/acme/${artifact}/1-SNAPSHOT/${artifact}-1`;
    for (const body of ['first', 'second']) {
      expect((await put(`${folder}-SNAPSHOT.jar`, body)).status).toBe(201);
      expect((await get(`${folder}-SNAPSHOT.jar`)).text).toBe(body);
    }
    expect((await put(`${folder}-20260131.120000-1.jar`, 'first')).status).toBe(201);
    expect((await put(`${folder}-20260131.120000-1.jar`, 'second')).status).toBe(409);
  });
});

describe('metadata', () => {
  it('takes what clients think and goes on with what is', async () => {
    const artifact = fresh();
    await deployed(artifact, '1.0');
    const lie =
      '<metadata><versioning><latest>9</latest><versions><version>9</version></versions></versioning></metadata>';
    const path = `com/acme/${artifact}/maven-metadata.xml`;
    expect((await put(path, lie)).status).toBe(200);
    expect((await put(`${path}.sha1`, hex('sha1', lie))).status).toBe(200);
    expect((await put(path, lie, viewer)).status).toBe(403);
    expect(versionsIn(await get(path))).toEqual(['1.0']);
  });

  it('is right after many versions came at once, and after each deletion', async () => {
    const artifact = fresh();
    const all = Array.from({ length: 12 }, (_, index) => `1.${index}`);
    await Promise.all(all.map(version => deployed(artifact, version)));
    expect(versionsIn(await metadataOf(artifact))).toEqual(all);
    for (const version of all.toReversed()) {
      expect((await remove(`com/acme/${artifact}/${version}/`)).status).toBe(204);
      const left = all.slice(0, all.indexOf(version));
      expect(versionsIn(await metadataOf(artifact))).toEqual(left.length > 0 ? left : 404);
    }
  });

  it('is right while files of one version come at once, and never offers half a version', async () => {
    const artifact = fresh();
    await deployed(artifact, '1.0');
    const stem = `com/acme/${artifact}/2.0/${artifact}-2.0`;
    const classifiers = Array.from({ length: 10 }, (_, index) => `c${index}`);
    const sent = await Promise.all(classifiers.map(name => put(`${stem}-${name}.jar`, name)));
    expect(sent.map(({ status }) => status)).toEqual(classifiers.map(() => 201));
    expect(versionsIn(await metadataOf(artifact))).toEqual(['1.0']);
    await put(`${stem}.pom`, pomOf(artifact, '2.0'));
    expect(versionsIn(await metadataOf(artifact))).toEqual(['1.0', '2.0']);
    for (const name of classifiers) expect((await get(`${stem}-${name}.jar`)).text).toBe(name);
  });

  it('follows files that are deleted: the jar with its signature, then the version with its last file', async () => {
    const artifact = fresh();
    const stem = await deployed(artifact, '1.0');
    await put(`${stem}.jar.asc`, 'signature');
    expect((await remove(`${stem}.jar`)).status).toBe(204);
    expect((await get(`${stem}.jar.asc`)).status).toBe(404);
    expect((await remove(`${stem}.jar.sha1`)).status).toBe(405);
    expect((await remove(`${stem}.pom`)).status).toBe(204);
    expect((await metadataOf(artifact)).status).toBe(404);
    expect((await remove(`${stem}.pom`)).status).toBe(404);
    // who had the deleted bytes must not get others under their name
    expect((await put(`${stem}.jar`, 'other')).status).toBe(409);
    expect((await put(`${stem}.jar`, `jar of ${artifact} 1.0`)).status).toBe(201);
  });

  it('lists the plugins of a group: as they come, while they are on offer', async () => {
    const [one, two] = [`${fresh()}-maven-plugin`, `${fresh()}-maven-plugin`];
    const plugins = async () => (await get('com/acme/maven-metadata.xml')).text.match(/<prefix>[^<]+/g) ?? [];
    const prefix = (artifact: string) => `<prefix>${artifact.replace('-maven-plugin', '')}`;
    for (const artifact of [one, two]) await deployed(artifact, '1.0', '<packaging>maven-plugin</packaging>');
    expect(await plugins()).toEqual(expect.arrayContaining([prefix(one), prefix(two)]));
    const about = { project: 'main', repository: 'maven', package: `com.acme:${one}`, version: '1.0' };
    await admin.api('POST', '/holds', { ...about, reason: 'x' });
    expect(await plugins()).not.toContain(prefix(one));
    await remove(`com/acme/${two}/1.0/`);
    expect(await plugins()).not.toContain(prefix(two));
  });

  it.each(['md5', 'sha1', 'sha256', 'sha512'])(
    'and its %s, asked for after it, are of one state, whatever changes meanwhile',
    async algorithm => {
      const artifact = fresh();
      await deployed(artifact, '1.0');
      const path = `com/acme/${artifact}/maven-metadata.xml`;
      const sum = async () => (await get(`${path}.${algorithm}`)).text;
      const before = await get(path);
      await deployed(artifact, '1.1');
      expect(await sum()).toBe(hex(algorithm, before.body));
      // who asks again, or asks for the checksum alone, is told what is now
      expect(await sum()).not.toBe(hex(algorithm, before.body));
      const after = await get(path);
      expect([versionsIn(after), await sum()]).toEqual([['1.0', '1.1'], hex(algorithm, after.body)]);
      // Gradle looks whether there is something new before it compares checksums
      await get(path);
      await deployed(artifact, '1.2');
      const { headers } = await viewer.ask('HEAD', `${BASE}/${path}`);
      expect(await sum()).toBe(headers.get(`x-checksum-${algorithm}`));
    },
  );

  it('of a snapshot is right while builds come at once, and after deletions', async () => {
    const artifact = fresh();
    const folder = `com/acme/${artifact}/1-SNAPSHOT`;
    const values = Array.from({ length: 8 }, (_, n) => `1-20260131.12000${n}-${n + 1}`);
    const deployBuild = async (value: string) => {
      const sent = [
        await put(`${folder}/${artifact}-${value}.jar`, `jar of ${value}`),
        await put(`${folder}/${artifact}-${value}-sources.jar`, `sources of ${value}`),
        await put(`${folder}/${artifact}-${value}.pom`, pomOf(artifact, '1-SNAPSHOT')),
        await put(`${folder}/maven-metadata.xml`, '<metadata>mine</metadata>'),
      ];
      expect(sent.map(({ status }) => status)).toEqual([201, 201, 201, 200]);
    };
    const chosen = async (extension: string) => {
      const { status, text } = await get(`${folder}/maven-metadata.xml`);
      const pattern = new RegExp(
        `(?<!</classifier>\\s*)<extension>${extension}</extension>\\s*<value>([^<]+)`,
      );
      return status === 200 ? pattern.exec(text)?.[1] : undefined;
    };
    // one is whole: from now on nobody is shown half of one
    await deployBuild(values[0] ?? '');
    let going = true;
    const reading = (async () => {
      for (let rounds = 0; going || rounds === 0; rounds++) {
        const value = await chosen('jar');
        if (value === undefined) continue;
        for (const extension of ['jar', 'pom'])
          expect((await get(`${folder}/${artifact}-${value}.${extension}`)).status).toBe(200);
      }
    })();
    await Promise.all(values.slice(1).map(deployBuild)).finally(() => {
      going = false;
    });
    await reading;
    const newest = (await chosen('jar')) ?? '';
    expect([values.includes(newest), await chosen('pom')]).toEqual([true, newest]);
    // whichever build is the newest: without its jar the one before is
    const left = new Set(values);
    for (let value: string | undefined = newest; value !== undefined; value = await chosen('jar')) {
      expect([...left]).toContain(value);
      left.delete(value);
      expect((await remove(`${folder}/${artifact}-${value}.jar`)).status).toBe(204);
      expect((await remove(`${folder}/${artifact}-${value}-sources.jar`)).status).toBe(204);
    }
    expect([...left]).toEqual([]);
    expect((await get(`${folder}/${artifact}-1-SNAPSHOT.jar`)).status).toBe(404);
    for (const value of values) await remove(`${folder}/${artifact}-${value}.pom`);
    expect((await get(`${folder}/maven-metadata.xml`)).status).toBe(404);
    expect((await metadataOf(artifact)).status).toBe(404);
  });

  const prefixes = async () =>
    [...(await get('com/acme/maven-metadata.xml')).text.matchAll(/<prefix>([^<]+)/g)].map(([, one]) => one);

  type Send = () => Promise<unknown>;
  it.each<[string, (jar: Send, pom: Send) => Promise<unknown>]>([
    ['jar, pom', (jar, pom) => jar().then(pom)],
    ['pom, jar', (jar, pom) => pom().then(jar)],
    ['both at once', (jar, pom) => Promise.all([jar(), pom(), jar()])],
  ])('of a group has the prefix that a plugin says inside: %s', async (_order, send) => {
    const [artifact, prefix] = [`${fresh()}-maven-plugin`, `p${made}`];
    const stem = `com/acme/${artifact}/1.0/${artifact}-1.0`;
    await send(
      () => put(`${stem}.jar`, pluginJar(prefix)),
      () => put(`${stem}.pom`, pomOf(artifact, '1.0', '<packaging>maven-plugin</packaging>')),
    );
    expect(await prefixes()).toContain(prefix);
    expect(await prefixes()).not.toContain(artifact.replace('-maven-plugin', ''));
  });

  it('goes by the name of a plugin whose jar says no prefix, or none that can be one', async () => {
    for (const inside of ['', '<goalPrefix>a b</goalPrefix>', '<goalPrefix>&lt;x&gt;</goalPrefix>', '<<<']) {
      const artifact = `${fresh()}-maven-plugin`;
      const stem = `com/acme/${artifact}/1.0/${artifact}-1.0`;
      const jar = makeZip([{ path: 'META-INF/maven/plugin.xml', content: `<plugin>${inside}</plugin>` }]);
      expect((await put(`${stem}.jar`, jar)).status).toBe(201);
      await put(`${stem}.pom`, pomOf(artifact, '1.0', '<packaging>maven-plugin</packaging>'));
      const { text } = await get('com/acme/maven-metadata.xml');
      expect(text).toContain(`<prefix>${artifact.replace('-maven-plugin', '')}</prefix>`);
    }
  });

  it('is one document where a folder is an artifact and a group', async () => {
    const artifact = fresh();
    await deployed(artifact, '1.0');
    const path = `com/acme/${artifact}/in-maven-plugin/1.0/in-maven-plugin-1.0`;
    await put(`${path}.jar`, 'x');
    const pom = pomOf('in-maven-plugin', '1.0', '<packaging>maven-plugin</packaging>');
    await put(`${path}.pom`, pom.replace('com.acme', `com.acme.${artifact}`));
    const answer = await metadataOf(artifact);
    expect(versionsIn(answer)).toEqual(['1.0']);
    expect(answer.text).toContain('<prefix>in</prefix>');
    const known = answer.headers.get('etag') ?? '';
    const again = await viewer.ask('GET', `${BASE}/com/acme/${artifact}/maven-metadata.xml`, {
      headers: { 'if-none-match': known },
    });
    expect(again.status).toBe(304);
  });
});

describe('what is not there', () => {
  it.each(['archetype-catalog.xml', '.meta/prefixes.txt', 'com/acme/', 'com/acme/none/1.0/none-1.0.jar', ''])(
    'GET %s is a plain 404, for clients take a problem document for a failure',
    async path => {
      const answer = await get(path);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/plain; charset=utf-8']);
    },
  );

  it('a held snapshot says why under its literal name, which clients ask for when they find no metadata', async () => {
    const artifact = fresh();
    const stem = `com/acme/${artifact}/1-SNAPSHOT/${artifact}-1`;
    await put(`${stem}-20260131.120000-1.jar`, 'x');
    await put(`${stem}-20260131.120000-1.pom`, pomOf(artifact, '1-SNAPSHOT'));
    expect((await get(`${stem}-SNAPSHOT.jar`)).text).toBe('x');
    const about = {
      project: 'main',
      repository: 'maven',
      package: `com.acme:${artifact}`,
      version: '1-SNAPSHOT',
    };
    await admin.api('POST', '/holds', { ...about, reason: 'broken build' });
    expect((await get(`com/acme/${artifact}/1-SNAPSHOT/maven-metadata.xml`)).status).toBe(404);
    const refused = await get(`${stem}-SNAPSHOT.jar`);
    expect([refused.status, jsonOf(refused).detail]).toEqual([403, expect.stringContaining('broken build')]);
    expect((await get(`${stem}-SNAPSHOT.jar.sha1`)).status).toBe(403);
  });

  it('methods and mounts', async () => {
    expect((await admin.ask('POST', `${BASE}/com/acme/a/1/a-1.jar`, { body: 'x' })).status).toBe(405);
    expect((await get('com/acme/a/1/')).status).toBe(404);
    const stem = await deployed(fresh(), '1.0');
    const elsewhere = await viewer.ask('GET', `/pkg/main/maven/maven/${stem}.jar`);
    expect(elsewhere.status).toBe(200);
  });
});
