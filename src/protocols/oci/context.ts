/** What every handler is given beside its route. */
import type { Registry } from '../../application/registry.ts';
import type { ProtocolRequest } from '../protocol.ts';

export interface Context {
  readonly request: ProtocolRequest;
  readonly registry: Registry;
}
