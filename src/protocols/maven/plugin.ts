/** What the jar of a Maven plugin says of itself. https://maven.apache.org/ref/3.9.9/maven-plugin-api/plugin.html */
import type { ReceivedFile } from '../../application/registry.ts';
import { isRefusal } from '../../domain/errors.ts';
import { openZip } from '../shared/archive/zip.ts';
import { parseXml } from '../shared/xml.ts';

const DESCRIPTOR = 'META-INF/maven/plugin.xml';
/** Those of plugins with many goals have some hundred kilobytes. */
const LIMITS = { bytes: 4 * 1024 * 1024, depth: 32, nodes: 200_000 };

/** What follows `mvn` and stands before the colon. */
export const isGoalPrefix = (text: string): boolean => /^[A-Za-z0-9_.-]{1,100}$/.test(text);

/**
 * The prefix of a plugin's goals, wherever its build was told it (also in a parent pom). Undefined for what is no
 * plugin, and for what cannot be read: Maven's repositories take any bytes under the name of a jar.
 */
export async function goalPrefixIn(jar: Pick<ReceivedFile, 'size' | 'read'>): Promise<string | undefined> {
  try {
    const zip = await openZip({ size: jar.size, read: range => jar.read(range) });
    const descriptor = await zip.read(DESCRIPTOR, LIMITS.bytes);
    const prefix = descriptor && parseXml(descriptor, LIMITS).textOf('goalPrefix');
    return prefix !== undefined && isGoalPrefix(prefix) ? prefix : undefined;
  } catch (error) {
    if (isRefusal(error, 'PACKAGE_INVALID')) return undefined;
    throw error;
  }
}
