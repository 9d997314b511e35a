/**
 * A disk in memory that forgets like a real one: what was not synced is gone when the power fails, and after a failed
 * sync the kernel takes the lost writes for written, so that a later sync succeeds without bringing them back.
 */
import { basename, dirname } from 'node:path';
import type { FileInfo, FileOps, OpenFile } from '../../../src/blobs/filesystem/file-ops.ts';

export interface Operation {
  /** 0 for the first operation after `arm` */
  readonly index: number;
  readonly name: string;
  readonly path: string;
}

export interface Plan {
  /** an error code for operations that are to fail */
  readonly fail?: (operation: Operation) => string | undefined;
  /** the power fails before the operation of this index: it and all later ones never return */
  readonly powerOffBefore?: number;
}

/** What outlives the power: only what was synced, or also all names, or also all bytes (all are allowed to happen). */
export type Survivors = 'synced' | 'synced and names' | 'synced and bytes';

class FileNode {
  bytes = Buffer.alloc(0);
  durable = Buffer.alloc(0);
  modifiedAt = Date.now();
  lost = false;

  sync(): void {
    if (!this.lost) this.durable = Buffer.from(this.bytes);
  }
}

class FolderNode {
  readonly entries = new Map<string, Node>();
  readonly durable = new Map<string, Node>();
  readonly #dirty = new Set<string>();

  set(name: string, node: Node | undefined): void {
    if (node) this.entries.set(name, node);
    else this.entries.delete(name);
    this.#dirty.add(name);
  }

  sync(): void {
    for (const name of this.#dirty) {
      const node = this.entries.get(name);
      if (node) this.durable.set(name, node);
      else this.durable.delete(name);
    }
    this.#dirty.clear();
  }

  loseDirty(): void {
    this.#dirty.clear();
  }
}

type Node = FileNode | FolderNode;

export class SimulatedDisk {
  readonly #root: FolderNode;
  #plan: Plan = {};
  #count = 0;
  #off = Promise.withResolvers<void>();
  /** what was done since `arm`, reads left out */
  done: Operation[] = [];

  constructor(root = new FolderNode()) {
    this.#root = root;
  }

  /** Counts from 0 again, and follows a new plan. */
  arm(plan: Plan): void {
    this.#plan = plan;
    this.#count = 0;
    this.done = [];
    this.#off = Promise.withResolvers();
  }

  /** Operations since `arm`, with those that only read. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when the power failed as planned. */
  get poweredOff(): Promise<void> {
    return this.#off.promise;
  }

  /** The disk as the next start finds it. */
  afterPowerLoss(survivors: Survivors): SimulatedDisk {
    return new SimulatedDisk(survive(this.#root, survivors) as FolderNode);
  }

  readonly ops: FileOps = {
    open: async (path, how) => {
      await this.#step(how === 'create' ? 'create' : 'open', path);
      const { folder, name, node } = this.#find(path);
      if (how === 'create' && node) throw systemError('EEXIST');
      if (how !== 'create' && !node) throw systemError('ENOENT');
      const file = (node ?? new FileNode()) as FileNode;
      if (!node) folder.set(name, file);
      return this.#openFile(path, file);
    },
    info: async path => {
      await this.#step('info', path);
      return describe(this.#lookUp(path));
    },
    rename: async (from, to) => {
      await this.#step('rename', to);
      const source = this.#find(from);
      if (!source.node) throw systemError('ENOENT');
      const target = this.#find(to);
      target.folder.set(target.name, source.node);
      source.folder.set(source.name, undefined);
    },
    remove: async path => {
      await this.#step('remove', path);
      const { folder, name, node } = this.#find(path);
      if (node) folder.set(name, undefined);
      return node !== undefined;
    },
    makeFolder: async path => {
      await this.#step('makeFolder', path);
      const { folder, name, node } = this.#find(path);
      if (!node) folder.set(name, new FolderNode());
      return node === undefined;
    },
    list: async path => {
      await this.#step('list', path);
      const folder = this.#lookUp(path);
      if (!(folder instanceof FolderNode)) throw systemError('ENOENT');
      return [...folder.entries.keys()];
    },
    syncFolder: async path => {
      const folder = this.#lookUp(path);
      if (!(folder instanceof FolderNode)) throw systemError('ENOENT');
      await this.#step('syncFolder', path, () => folder.loseDirty());
      folder.sync();
    },
  };

  #openFile(path: string, file: FileNode): OpenFile {
    const write = (bytes: Uint8Array, position: number) => {
      const size = Math.max(file.bytes.length, position + bytes.length);
      const grown = Buffer.alloc(size);
      file.bytes.copy(grown);
      grown.set(bytes, position);
      file.bytes = grown;
      file.modifiedAt = Date.now();
    };
    const lose = () => {
      file.lost = true;
    };
    return {
      read: async (buffer, position) => {
        await this.#step('read', path);
        return file.bytes.copy(buffer, 0, position);
      },
      write: async (chunks, position) => {
        const bytes = Buffer.concat(chunks);
        // A disk that fills up takes a part first.
        await this.#step('write', path, () => write(bytes.subarray(0, bytes.length / 2), position));
        write(bytes, position);
      },
      info: async () => {
        await this.#step('info', path);
        return describe(file) as FileInfo;
      },
      touch: async at => {
        await this.#step('touch', path);
        file.modifiedAt = at;
      },
      truncate: async size => {
        await this.#step('truncate', path);
        file.bytes = file.bytes.subarray(0, size);
      },
      syncData: async () => {
        await this.#step('syncData', path, lose);
        file.sync();
      },
      sync: async () => {
        await this.#step('sync', path, lose);
        file.sync();
      },
      close: () => this.#step('close', path),
    };
  }

  async #step(name: string, path: string, damage: () => void = () => undefined): Promise<void> {
    const operation = { index: this.#count, name, path };
    this.#count += 1;
    const powerOffBefore = this.#plan.powerOffBefore ?? Number.POSITIVE_INFINITY;
    if (operation.index >= powerOffBefore) {
      this.#off.resolve();
      await new Promise(() => undefined);
    }
    await undefined;
    // The power may have failed while this operation was on its way.
    if (this.#count > powerOffBefore) await new Promise(() => undefined);
    const code = this.#plan.fail?.(operation);
    if (code) {
      damage();
      throw systemError(code);
    }
    if (!READS.has(name)) this.done.push(operation);
  }

  #find(path: string): { folder: FolderNode; name: string; node: Node | undefined } {
    const folder = this.#lookUp(dirname(path));
    if (!(folder instanceof FolderNode)) throw systemError('ENOENT');
    return { folder, name: basename(path), node: folder.entries.get(basename(path)) };
  }

  #lookUp(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter(Boolean)) {
      node = node instanceof FolderNode ? node.entries.get(name) : undefined;
    }
    return node;
  }
}

const READS = new Set(['open', 'info', 'read', 'list', 'close']);

function describe(node: Node | undefined): FileInfo | undefined {
  if (!node) return undefined;
  return node instanceof FileNode
    ? { size: node.bytes.length, modifiedAt: node.modifiedAt }
    : { size: 0, modifiedAt: 0 };
}

function survive(node: Node, survivors: Survivors): Node {
  if (node instanceof FileNode) {
    const file = new FileNode();
    file.bytes = Buffer.from(survivors === 'synced and bytes' ? node.bytes : node.durable);
    file.durable = Buffer.from(file.bytes);
    file.modifiedAt = node.modifiedAt;
    return file;
  }
  const folder = new FolderNode();
  const names = survivors === 'synced and names' ? node.entries : node.durable;
  for (const [name, child] of names) folder.set(name, survive(child, survivors));
  folder.sync();
  return folder;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated, /secret/path`), {
    code,
    syscall: 'simulated',
    errno: -1,
  });
}
