/** What must be pullable after any sequence of commands: maps and sets, no registry. */

export const REPOSITORIES = [0, 1] as const;
export const PACKAGES = ['a', 'team/b'] as const;
export const TAGS = ['x', 'y'] as const;

/** A place: an image (by number) in a package of a repository. */
export interface At {
  readonly repository: number;
  readonly package: string;
  readonly image: number;
}

export type Step =
  | (At & { readonly kind: 'push'; readonly tag: string | undefined })
  | (At & { readonly kind: 'tag'; readonly tag: string })
  | (At & { readonly kind: 'untag'; readonly tag: string })
  | (At & { readonly kind: 'delete' | 'restore' })
  | (At & { readonly kind: 'hold'; readonly everywhere: boolean })
  | { readonly kind: 'release'; readonly number: number }
  | (At & { readonly kind: 'promote'; readonly tag: string | undefined });

interface Placed {
  readonly status: 'live' | 'deleted';
  readonly incarnation: number;
}

export interface ModelHold extends At {
  readonly id: string;
  readonly everywhere: boolean;
}

/** `ok` or how it is refused. */
export type Expected = 'ok' | 'unknown' | 'held';

export class Model {
  readonly #places = new Map<string, Placed>();
  readonly #tags = new Map<string, { readonly image: number; readonly incarnation: number }>();
  readonly holds: ModelHold[] = [];
  #incarnations = 0;

  /** What the step does, and how it is answered. `id` names the hold that it places. */
  apply(step: Step, id = ''): Expected {
    if (step.kind === 'release') return this.#release(step.number);
    if (step.kind === 'promote') return this.#promote(step);
    if (step.kind === 'push') return this.#push(step);
    if (step.kind === 'untag') return this.#untag(step);
    return this.#govern(step, id);
  }

  pull(at: At): Expected {
    if (this.#places.get(key(at))?.status !== 'live') return 'unknown';
    return this.#isHeld(at) ? 'held' : 'ok';
  }

  pullTag(at: Omit<At, 'image'>, tag: string): { expected: Expected; image: number | undefined } {
    const image = this.#named(at, tag);
    return { image, expected: image === undefined ? 'unknown' : this.pull({ ...at, image }) };
  }

  /** A blob of an image: readable through any available manifest of the repository. */
  pullBlob(repository: number, image: number): Expected {
    const all = PACKAGES.map(name => this.pull({ repository, package: name, image }));
    return (['ok', 'held'] as const).find(expected => all.includes(expected)) ?? 'unknown';
  }

  /** undefined: there never was such a package */
  tags(at: Omit<At, 'image'>): readonly string[] | undefined {
    const known = [...this.#places.keys()].some(place => place.startsWith(`${at.repository}/${at.package}@`));
    return known ? TAGS.filter(tag => this.pullTag(at, tag).expected === 'ok') : undefined;
  }

  #push(step: Extract<Step, { kind: 'push' }>): Expected {
    this.#place(step);
    if (step.tag !== undefined) this.#assign(step, step.tag);
    return 'ok';
  }

  #untag(step: Extract<Step, { kind: 'untag' }>): Expected {
    if (this.#named(step, step.tag) === undefined) return 'unknown';
    this.#tags.delete(tagKey(step, step.tag));
    return 'ok';
  }

  /** What takes something that is there. */
  #govern(step: Extract<Step, { kind: 'tag' | 'delete' | 'restore' | 'hold' }>, id: string): Expected {
    const placed = this.#places.get(key(step));
    if (!placed || (step.kind === 'tag' && placed.status !== 'live')) return 'unknown';
    if (step.kind === 'tag') this.#assign(step, step.tag);
    else if (step.kind === 'hold') this.holds.push({ ...step, id });
    else this.#places.set(key(step), { ...placed, status: step.kind === 'delete' ? 'deleted' : 'live' });
    return 'ok';
  }

  #release(number: number): Expected {
    if (this.holds.length === 0) return 'unknown';
    this.holds.splice(number % this.holds.length, 1);
    return 'ok';
  }

  #promote(step: Extract<Step, { kind: 'promote' }>): Expected {
    const source = this.pull(step);
    if (source !== 'ok') return source;
    const target = { ...step, repository: 1 - step.repository };
    this.#place(target);
    if (step.tag !== undefined) this.#assign(target, step.tag);
    return 'ok';
  }

  #place(at: At): void {
    if (this.#places.get(key(at))?.status === 'live') return;
    this.#places.set(key(at), { status: 'live', incarnation: ++this.#incarnations });
  }

  #assign(at: At, tag: string): void {
    const incarnation = this.#places.get(key(at))?.incarnation ?? 0;
    this.#tags.set(tagKey(at, tag), { image: at.image, incarnation });
  }

  /** The image that a tag names: one that was deleted and pushed again is another. */
  #named(at: Omit<At, 'image'>, tag: string): number | undefined {
    const assigned = this.#tags.get(tagKey(at, tag));
    const placed = assigned && this.#places.get(key({ ...at, image: assigned.image }));
    const names = placed?.status === 'live' && placed.incarnation === assigned?.incarnation;
    return names ? assigned?.image : undefined;
  }

  #isHeld(at: At): boolean {
    return this.holds.some(hold => hold.image === at.image && (hold.everywhere || key(hold) === key(at)));
  }
}

const key = ({ repository, package: name, image }: At) => `${repository}/${name}@${image}`;
const tagKey = ({ repository, package: name }: Omit<At, 'image'>, tag: string) =>
  `${repository}/${name}:${tag}`;
