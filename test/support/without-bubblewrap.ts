/**
 * Preloaded into a process of ours (`node --import`): a machine on which nobody installed bubblewrap. Everything else of the machine is as it
 * is, so that the product establishes by itself what it reaches there.
 */
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

const access = promises.access;
promises.access = async (path, mode) => {
  if (basename(String(path)) === 'bwrap')
    throw Object.assign(new Error(`ENOENT: no such file or directory, access '${path}'`), { code: 'ENOENT' });
  return access(path, mode);
};
syncBuiltinESMExports();
