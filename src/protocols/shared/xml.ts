/**
 * Reads a stranger's XML document as plain elements: no document type, hence no entities but the five of XML itself,
 * nothing fetched, bounded in size, depth and number. https://www.w3.org/TR/xml/
 */
import { DOMParser, type Element, type Node, onErrorStopParsing } from '@xmldom/xmldom';
import { refuse } from '../../domain/errors.ts';

export interface XmlLimits {
  readonly bytes: number;
  /** nesting of elements */
  readonly depth: number;
  /** elements, comments and attributes together, about */
  readonly nodes: number;
}

const XML_LIMITS: XmlLimits = { bytes: 2 * 1024 * 1024, depth: 64, nodes: 60_000 };

export interface XmlElement {
  /** local name, without its prefix */
  readonly name: string;
  /** by local name */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** all text inside, also that of children, trimmed */
  readonly text: string;
  /** the first child of that name */
  child(name: string): XmlElement | undefined;
  /** the children of that name */
  all(name: string): readonly XmlElement[];
  /** the text of the first child of that name; undefined when there is none, or it is empty */
  textOf(name: string): string | undefined;
}

/** The root element. @throws PACKAGE_INVALID */
export function parseXml(bytes: Uint8Array, limits: XmlLimits = XML_LIMITS): XmlElement {
  if (bytes.length > limits.bytes) throw invalid(`the XML has more than ${limits.bytes} bytes`);
  const text = decode(bytes);
  check(text, limits);
  const root = parse(text);
  if (!root) throw invalid('it is not XML');
  return elementOf(root, limits.depth);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for an element or a quoted attribute; what XML cannot say at all becomes U+FFFD. */
export function escapeXml(text: string): string {
  return (
    text
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no way to write these
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replaceAll(/[&<>"']/g, mark => ESCAPES[mark] ?? mark)
  );
}

const invalid = (reason: string) => refuse('PACKAGE_INVALID', reason);

/** By byte order mark, then by its declaration. https://www.w3.org/TR/xml/#sec-guessing */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const marked =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : '';
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^(?:\u00ef\u00bb\u00bf)?<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/.exec(
    head,
  )?.[1];
  const label = marked || declared || 'utf-8';
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    throw invalid(`the XML is not readable as ${label}`);
  }
}

/** What hurts is found in the text, before anything is built from it. */
function check(text: string, limits: XmlLimits): void {
  const marks = withoutLiterals(text);
  if (/<!/.test(marks)) throw invalid('the XML has a document type, which is not taken here');
  const nodes = (text.match(/[<=]/g) ?? []).length;
  if (nodes > limits.nodes) throw invalid(`the XML has more than ${limits.nodes} nodes`);
  let depth = 0;
  for (const [tag] of marks.matchAll(/<[^?][^<>]*/g)) {
    if (tag.startsWith('</')) depth--;
    else if (!tag.endsWith('/') && ++depth > limits.depth) throw tooDeep(limits.depth);
  }
}

const LITERALS: ReadonlyMap<string, string> = new Map([
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
]);

/**
 * Comments, CDATA sections and processing instructions taken out, so that none of them hides in another; one that does
 * not end stays, and is refused like a document type.
 */
function withoutLiterals(text: string): string {
  const kept: string[] = [];
  const marks = /<!--|<!\[CDATA\[|<\?|<!/g;
  let from = 0;
  for (let found = marks.exec(text); found; found = marks.exec(text)) {
    const end = LITERALS.get(found[0]);
    const stop = end === undefined ? -1 : text.indexOf(end, marks.lastIndex);
    if (end === undefined || stop < 0) break;
    kept.push(text.slice(from, found.index));
    from = stop + end.length;
    marks.lastIndex = from;
  }
  return [...kept, text.slice(from)].join(' ');
}

const tooDeep = (depth: number) => invalid(`the XML is nested deeper than ${depth} levels`);

function parse(text: string): Element | null {
  try {
    return new DOMParser({ onError: onErrorStopParsing }).parseFromString(text, 'text/xml').documentElement;
  } catch {
    throw invalid('it is not well-formed XML');
  }
}

const ELEMENT_NODE = 1;

function elementOf(element: Element, depth: number): XmlElement {
  if (depth <= 0) throw tooDeep(XML_LIMITS.depth);
  const children: XmlElement[] = [];
  for (let node: Node | null = element.firstChild; node; node = node.nextSibling)
    if (node.nodeType === ELEMENT_NODE) children.push(elementOf(node as Element, depth - 1));
  const attributes = new Map<string, string>();
  for (const { localName, name, value } of element.attributes) attributes.set(localName ?? name, value);
  return {
    name: element.localName ?? element.tagName,
    attributes,
    children,
    get text() {
      return (element.textContent ?? '').trim();
    },
    child: name => children.find(child => child.name === name),
    all: name => children.filter(child => child.name === name),
    textOf: name => children.find(child => child.name === name)?.text || undefined,
  };
}
