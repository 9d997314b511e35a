/** Replies that several OCI endpoints share. Locations are relative, so that no proxy can get them wrong. */
import type { ProtocolReply } from '../protocol.ts';
import { PRIVATE } from '../shared/headers.ts';
import { formatName, type OciName } from './name.ts';

export const blobLocation = (name: OciName, digest: string) => `/v2/${formatName(name)}/blobs/${digest}`;
export const uploadLocation = (name: OciName, id: string) => `/v2/${formatName(name)}/blobs/uploads/${id}`;
export const manifestLocation = (name: OciName, digest: string) =>
  `/v2/${formatName(name)}/manifests/${digest}`;

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs */
export const blobCreated = (name: OciName, digest: string): ProtocolReply => ({
  status: 201,
  headers: { location: blobLocation(name, digest), 'docker-content-digest': digest, 'content-length': '0' },
});

export function json(value: unknown, headers: Record<string, string> = {}, head = false): ProtocolReply {
  const body = JSON.stringify(value);
  const length = String(Buffer.byteLength(body));
  const all = { 'content-type': 'application/json', ...PRIVATE, 'content-length': length, ...headers };
  return head ? { status: 200, headers: all } : { status: 200, headers: all, body };
}
