/** Request headers as Node hands them on, and what every reply about governed content says to caches. */
import type { ProtocolRequest } from '../protocol.ts';

export type Headers = ProtocolRequest['headers'];

/** What depends on the caller is not for shared caches; holds bind at once, so it is asked again each time. */
export const PRIVATE = { 'cache-control': 'private, no-cache', vary: 'Accept, Authorization' };

/** The value of a header, the first when it was repeated. `name` in lower case. */
export function headerOf(headers: Headers, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
