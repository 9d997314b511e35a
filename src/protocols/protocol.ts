/**
 * What a protocol adapter is. One folder per format, one line in index.ts. An adapter parses a client's request into
 * calls of the registry (application/registry.ts) and renders the reply as that client expects it; it knows nothing of
 * the web framework, of databases or of other protocols.
 */
import type { Readable } from 'node:stream';
import type { Caller } from '../application/caller.ts';
import type { Registry } from '../application/registry.ts';
import type { StrongroomError } from '../domain/errors.ts';

export interface ProtocolRequest {
  readonly method: string;
  /** the raw, still percent-encoded path as it came, without the query */
  readonly path: string;
  /** the raw query without `?`, '' when there is none */
  readonly query: string;
  /** names in lower case; repeated headers joined as Node does */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly caller: Caller;
  /** `http(s)://host[:port]` as the client sees this server */
  readonly origin: string;
  /** Who a header like this stands for, for credentials that come in a body; throttled like any other log-in. */
  authenticate(authorization: string): Promise<Caller>;
  /** Starts reading the body (sends `100 Continue` when the client waits for it): call it after all refusals. */
  body(): Readable;
  /**
   * A body that is one file by itself: as `body`, and refused unread when it announces more bytes than a file may have.
   * @param max the most that this file may have, where its format says less. @throws CONTENT_TOO_LARGE
   */
  file(max?: number): Readable;
  /** The whole body, at most `max` bytes. @throws CONTENT_TOO_LARGE, SIZE_INVALID when it was cut short */
  bytes(max: number): Promise<Uint8Array>;
}

export interface ProtocolReply {
  readonly status: number;
  /** HTTP reason phrase, ASCII, for clients that show nothing else; absent: the usual one */
  readonly reason?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** nothing, text, bytes, or a stream whose Content-Length the adapter has set */
  readonly body?: string | Uint8Array | Readable;
}

export interface Protocol {
  /** the repository format it serves: `oci`, `npm`, … */
  readonly format: string;
  /**
   * path prefixes it answers, each ending with `/`: `/v2/`. A segment `:name` stands for any one segment:
   * `/pkg/:project/:repository/npm/`
   */
  readonly mounts: readonly string[];
  /** Names that people type as they are kept, where the ecosystem takes several for one. @throws NAME_INVALID, VERSION_INVALID */
  readonly normalize?: {
    package(name: string): string;
    version(version: string): string;
  };
  /** Credentials that its clients send elsewhere than in `Authorization`, as the value that header would have. */
  authorization?(headers: ProtocolRequest['headers']): string | undefined;
  handle(request: ProtocolRequest, registry: Registry): Promise<ProtocolReply>;
  /** Renders any refusal of the catalogue natively; `kind` is mapped exhaustively. */
  refuse(error: StrongroomError, request: ProtocolRequest): ProtocolReply;
  /**
   * Every route it answers, as data, for the enforcement matrix and the documentation.
   * `serves` says whether it can give out artifact content or its metadata.
   */
  readonly routes: readonly { readonly method: string; readonly pattern: string; readonly serves: boolean }[];
}
