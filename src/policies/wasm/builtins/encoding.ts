import { createHash, createHmac } from 'node:crypto';
import { type Builtin, text, utf8Text } from './operands.ts';

export const encoding: Readonly<Record<string, Builtin>> = {
  'crypto.md5': value => hash('md5', text(value)),
  'crypto.sha1': value => hash('sha1', text(value)),
  'crypto.sha256': value => hash('sha256', text(value)),
  'crypto.hmac.sha256': (value, key) => createHmac('sha256', text(key)).update(text(value)).digest('hex'),
  'crypto.hmac.sha512': (value, key) => createHmac('sha512', text(key)).update(text(value)).digest('hex'),
  'crypto.hmac.equal': (a, b) => text(a) === text(b),
  'hex.encode': value => Buffer.from(text(value)).toString('hex'),
  'hex.decode': value => hexDecode(text(value)),
  'base64url.encode_no_pad': value => Buffer.from(text(value)).toString('base64url'),
  'urlquery.encode': value => queryEscape(text(value)),
  'urlquery.decode': value => decodeURIComponent(text(value).replaceAll('+', ' ')),
};

function hash(algorithm: string, value: string): string {
  return createHash(algorithm).update(value).digest('hex');
}

function hexDecode(value: string): string {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(value)) throw new RangeError('hex.decode: not hexadecimal');
  return utf8Text(Buffer.from(value, 'hex'));
}

/** url.QueryEscape: space is a plus, and only letters, digits and -_.~ stay. */
function queryEscape(value: string): string {
  const escaped = encodeURIComponent(value).replaceAll('%20', '+');
  return escaped.replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
