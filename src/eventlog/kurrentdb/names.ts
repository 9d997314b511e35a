/**
 * Stream names as KurrentDB keeps them. Names that begin with `$` belong to the server, and `~` is ours for escaping:
 * such a name is stored with a `~` before it. `~strongroom-log` is therefore a name that no stream of the log has:
 * it holds the log's identity. Both kinds are hidden from readers.
 */

/** Where the log's id and epoch are kept. */
export const LOG_STREAM = '~strongroom-log';

/** The same rule for the server's filter; understood by .NET and JavaScript alike. */
export const VISIBLE = '^[^$~]|^~[$~]';
const visible = new RegExp(VISIBLE);

export function toStored(name: string): string {
  return /^[$~]/.test(name) ? `~${name}` : name;
}

/** The stream's own name, undefined for a hidden stream. */
export function fromStored(stored: string): string | undefined {
  if (!visible.test(stored)) return undefined;
  return stored.startsWith('~') ? stored.slice(1) : stored;
}
