/**
 * Establishes the level as the assistant does at its start, and prints it beside how this process is confined itself; a
 * program of its own, so that tests can run it elsewhere. Argument: a folder for bundles.
 */
import { readFileSync } from 'node:fs';
import { establishLevel } from '../../../src/execution/sandbox/probe.ts';

const status = readFileSync('/proc/self/status', 'utf8');
const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';

const established = await establishLevel({ outFolder: process.argv[2] ?? '' });
process.stdout.write(
  JSON.stringify({
    ...established,
    confined: {
      uid: Number(field('Uid').split(/\s+/)[0]),
      capabilities: field('CapEff'),
      bounding: field('CapBnd'),
      noNewPrivileges: field('NoNewPrivs'),
      filters: field('Seccomp_filters'),
    },
  }),
);
process.exit(0);
