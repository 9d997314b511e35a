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

  const of = (format: string, url: string) =>
    (setupSteps(format, { ...target, url }) ?? []).map(step => step.text).join('\n');

  it('commands of OCI clients allow plain HTTP where there is nothing else', () => {
    const plain = of('oci', 'http://registry.example');
    expect(plain).toContain('podman login --tls-verify=false registry.example');
    expect(plain).toContain('helm registry login --plain-http registry.example');
    expect(plain).toContain('helm push <chart>.tgz oci://registry.example/main/packages --plain-http');
    expect(plain).toContain('insecure-registries');
    const secure = of('oci', 'https://registry.example');
    expect(secure).toContain('helm push <chart>.tgz oci://registry.example/main/packages');
    expect(secure).not.toMatch(/plain-http|tls-verify|insecure/);
    expect(of('oci', target.url)).not.toContain('insecure-registries');
  });

  it('go asks the proxies of before for what is not here, and placeholders are no redirections', () => {
    const text = of('go', 'https://packages.example');
    expect(text).toContain('/pkg/main/packages/go,$(go env GOPROXY)"');
    expect(text).toContain('export GONOSUMDB="<your module prefix>"');
  });

  it('charts are uploaded with their provenance files, and a refusal fails', () => {
    const text = of('helm', target.url);
    expect(text).toContain('curl -f -u ci:srt_secret --data-binary @<chart>.tgz');
    expect(text).toContain('curl -f -u ci:srt_secret -F chart=@<chart>.tgz -F prov=@<chart>.tgz.prov');
  });

  it('there is none for a format that does not exist', () => {
    expect(setupSteps('rpm', target)).toBeUndefined();
  });
});
