/** Advice about versions that stay: deprecation, yanking, and single files that are taken away. */
import { refuse } from '../domain/errors.ts';
import { placement, placementStream } from '../domain/placement/placement.ts';
import type { Position } from '../eventlog/port.ts';
import type { Core } from './core.ts';
import { admitFor, type Governed, placeOf } from './govern.ts';
import { execute } from './handle.ts';

/** @param message undefined: the advice is taken back */
export async function deprecate(
  core: Core,
  of: Governed,
  message: string | undefined,
): Promise<Position | undefined> {
  if (await saysAlready(core, of.version.deprecated, message)) return undefined;
  const admission = await admitFor(core, of, 'push');
  const place = placeOf(of.version);
  const command =
    message === undefined
      ? { kind: 'LiftDeprecation' as const, ...place }
      : {
          kind: 'DeprecateVersion' as const,
          ...place,
          message: await core.sealing.seal(of.caller.id, message),
        };
  return (await execute(core, admission, { aggregate: placement, stream: placementStream(place), command }))
    .position;
}

/** No range chooses a yanked version any more. @param reason undefined: it is chosen again; '' says none */
export async function yank(
  core: Core,
  of: Governed,
  reason: string | undefined,
): Promise<Position | undefined> {
  if (await saysAlready(core, of.version.yanked, reason)) return undefined;
  const admission = await admitFor(core, of, 'delete');
  const place = placeOf(of.version);
  const command =
    reason === undefined
      ? { kind: 'LiftYank' as const, ...place }
      : { kind: 'YankVersion' as const, ...place, reason: await core.sealing.seal(of.caller.id, reason) };
  return (await execute(core, admission, { aggregate: placement, stream: placementStream(place), command }))
    .position;
}

async function saysAlready(core: Core, sealed: string | null, text: string | undefined): Promise<boolean> {
  if (sealed === null || text === undefined) return sealed === null && text === undefined;
  return (await core.sealing.unseal(sealed)) === text;
}

/** Takes one file with its sidecars away; the version goes with its last file. It cannot be restored by itself. */
export async function removeFile(core: Core, of: Governed, file: string): Promise<Position | undefined> {
  if (!of.version.files.some(({ name }) => name === file)) throw refuse('FILE_UNKNOWN', file);
  const admission = await admitFor(core, of, 'delete');
  const place = placeOf(of.version);
  const command = { kind: 'RemoveFile' as const, ...place, name: file };
  return (await execute(core, admission, { aggregate: placement, stream: placementStream(place), command }))
    .position;
}
