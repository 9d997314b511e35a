import { describe, expect, it } from 'vitest';
import { configPath, connectionOf, isExposed, parseUrl } from '../../src/cli/config.ts';

const PROFILE = { url: 'https://registry.example.com', token: 'sr_id_secret', issued: true };

describe('where a command goes and as whom', () => {
  it('follows the profile', () => {
    expect(connectionOf({}, PROFILE)).toEqual({ url: PROFILE.url, authorization: 'Bearer sr_id_secret' });
  });

  it('goes to this machine, as nobody, when nothing is known', () => {
    expect(connectionOf({}, undefined)).toEqual({ url: 'http://127.0.0.1:8080' });
  });

  it('sends a stored token to no other server', () => {
    expect(connectionOf({ STRONGROOM_URL: 'https://evil.example.com' }, PROFILE)).toEqual({
      url: 'https://evil.example.com',
    });
    expect(
      connectionOf({ STRONGROOM_URL: 'http://registry.example.com' }, PROFILE).authorization,
    ).toBeUndefined();
  });

  it('lets the environment go first', () => {
    const env = { STRONGROOM_URL: 'http://127.0.0.1:1', STRONGROOM_TOKEN: 'other' };
    expect(connectionOf(env, PROFILE)).toEqual({ url: 'http://127.0.0.1:1', authorization: 'Bearer other' });
    const { authorization } = connectionOf({ STRONGROOM_USER: 'a', STRONGROOM_PASSWORD: 'ü:b' }, PROFILE);
    expect(authorization).toBe(`Basic ${Buffer.from('a:ü:b').toString('base64')}`);
  });

  it('wants a user beside a password', () => {
    expect(() => connectionOf({ STRONGROOM_PASSWORD: 'x' }, undefined)).toThrow('STRONGROOM_USER');
  });

  it('keeps its file where configuration belongs', () => {
    expect(configPath({ XDG_CONFIG_HOME: '/x', HOME: '/h' })).toBe('/x/strongroom/config.json');
    expect(configPath({ HOME: '/h' })).toBe('/h/.config/strongroom/config.json');
    expect(configPath({ STRONGROOM_CONFIG: '/elsewhere.json' })).toBe('/elsewhere.json');
  });
});

describe('addresses', () => {
  it.each([
    ['https://r.example.com/', 'https://r.example.com'],
    ['https://r.example.com/strongroom/', 'https://r.example.com/strongroom'],
    ['r.example.com', 'https://r.example.com'],
    ['localhost:8080', 'http://localhost:8080'],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ])('reads %s', (text, url) => {
    expect(parseUrl(text)).toBe(url);
  });

  it.each([['ftp://x'], ['http://'], ['a b'], ['']])('refuses “%s”', text => {
    expect(() => parseUrl(text)).toThrow('not the address of a server');
  });

  it('takes no password in an address', () => {
    expect(() => parseUrl('https://me:secret@r.example.com')).toThrow('leave the password out');
  });

  it('knows who can read along', () => {
    expect(isExposed('http://r.example.com')).toBe(true);
    expect(isExposed('https://r.example.com')).toBe(false);
    expect(isExposed('http://127.0.0.1:8080')).toBe(false);
  });
});
