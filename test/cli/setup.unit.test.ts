import { describe, expect, it } from 'vitest';
import { SETUP_FORMATS, setupSteps } from '../../src/cli/setup.ts';
import { PROTOCOLS } from '../../src/protocols/index.ts';

const target = {
  url: 'http://127.0.0.1:8080',
  project: 'main',
  repository: 'packages',
  user: 'ci',
  token: 'srt_secret',
};

describe('setup', () => {
  it('knows every format that is served', () => {
    expect(PROTOCOLS.map(({ format }) => format).filter(format => !SETUP_FORMATS.includes(format))).toEqual(
      [],
    );
  });

  it.each(SETUP_FORMATS)('names the repository and the credentials: %s', format => {
    const text = (setupSteps(format, target) ?? []).map(step => step.text).join('\n');
    const address = format === 'oci' ? '127.0.0.1:8080/main/packages' : `/pkg/main/packages/${format}`;
    expect(text).toContain(address);
    expect(text).toContain('srt_secret');
    expect(text).not.toContain('undefined');
  });

  it('says where plain HTTP must be allowed', () => {
    const of = (format: string, url: string) =>
      (setupSteps(format, { ...target, url }) ?? []).map(step => step.text).join('\n');
    expect(of('nuget', target.url)).toContain('allowInsecureConnections');
    expect(of('nuget', 'https://packages.example')).not.toContain('allowInsecureConnections');
    expect(of('python', target.url)).toContain('trusted-host = 127.0.0.1');
    expect(of('go', target.url)).toContain('sends no credentials');
    expect(of('go', 'https://packages.example')).toContain('https://ci:srt_secret@packages.example');
  });

  it('there is none for a format that does not exist', () => {
    expect(setupSteps('rpm', target)).toBeUndefined();
  });
});
