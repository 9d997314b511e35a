import { S3Client } from '@aws-sdk/client-s3';
import type { S3Address } from './address.ts';

export interface Timeouts {
  /** milliseconds until a connection stands */
  readonly connect: number;
  /** milliseconds until an answer begins */
  readonly answer: number;
  /** the same for what S3 works on for longer: bytes sent or copied, parts joined */
  readonly work: number;
  /** milliseconds without a byte of an answer, while one is waited for, after which its connection counts as broken */
  readonly stall: number;
}

const ATTEMPTS = 3;
/** A download holds its connection for as long as its reader takes. */
const MAX_CONNECTIONS = 1024;

/** Credentials come from the environment, the files of AWS, or the machine's role: the library's own order. */
export function createClient(address: S3Address, timeouts: Timeouts): S3Client {
  const { region = address.endpoint ? 'us-east-1' : undefined, endpoint } = address;
  return new S3Client({
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    forcePathStyle: address.pathStyle,
    maxAttempts: ATTEMPTS,
    // The signature covers a sha256 of every body; further checksums are not understood everywhere.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // With it every large write would get a connection of its own.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: timeouts.connect,
      requestTimeout: timeouts.answer,
      throwOnRequestTimeout: true,
      // A reader may be slower than any limit on idleness; stalls are watched where bytes are waited for.
      socketTimeout: 0,
      httpAgent: { maxSockets: MAX_CONNECTIONS },
      httpsAgent: { maxSockets: MAX_CONNECTIONS },
    },
  });
}
