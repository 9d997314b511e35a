/** Base64 in pieces, strictly: Node by itself passes over what is none. https://www.rfc-editor.org/rfc/rfc4648#section-4 */
import { refuse } from '../../domain/errors.ts';

export class Base64 {
  #rest = '';
  #padded = false;

  /** The bytes that a piece completes. Slashes may be escaped as some writers of JSON do. @throws REQUEST_INVALID */
  decode(piece: string, last: boolean): Buffer {
    const text = (this.#rest + piece).replaceAll('\\/', '/');
    const whole = last ? text.length : wholeQuads(text);
    this.#rest = text.slice(whole);
    const quads = text.slice(0, whole);
    if (quads === '') return Buffer.alloc(0);
    if (this.#padded) throw notBase64();
    this.#padded = quads.endsWith('=');
    return strictly(quads);
  }
}

/** How much of a text decodes by itself; a backslash at its end belongs to what follows. */
function wholeQuads(text: string): number {
  const length = text.endsWith('\\') ? text.length - 1 : text.length;
  return length - (length % 4);
}

/** What is not base64 makes fewer bytes come out than must. */
function strictly(text: string): Buffer {
  const padding = /={0,2}$/.exec(text)?.[0].length ?? 0;
  const length = text.length - padding;
  const bytes = Buffer.from(text, 'base64');
  if (length % 4 === 1 || bytes.length !== Math.floor((length * 3) / 4)) throw notBase64();
  return bytes;
}

const notBase64 = () => refuse('REQUEST_INVALID', 'an attachment is not base64');
