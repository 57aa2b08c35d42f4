/** Which way imports point: the table, the tree as it is, and proof that the check bites. */
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { factsOf, readTree, type Table, violations } from './support/architecture.ts';

const ROOT = path.join(import.meta.dirname, '..');
/** Everything may import these; they import nothing but each other. */
const GROUND = ['model', 'ground', 'legible'];
const STAGES = [
  'intake',
  'directory',
  'planner',
  'policy',
  'approval',
  'oncall',
  'execution',
  'screening',
  'reply',
  'audit',
];

const TABLE: Table = {
  rooms: [
    { name: 'model', holds: ['src/model/'], mayImport: [], packages: ['zod'] },
    {
      name: 'ground',
      holds: [
        'src/errors.ts',
        'src/action.ts',
        'src/audit/log.ts',
        'src/store/',
        // What every chat platform's way out needs, so that adapters need not know each other.
        'src/surface/',
        'src/trusted-file.ts',
      ],
      mayImport: ['model'],
    },
    // What words look like to people, and a few of ours, pure: the same on a chat platform and in a browser.
    {
      name: 'legible',
      holds: ['src/surface/unseen.ts', 'src/surface/lookalikes.ts', 'src/surface/notes.ts'],
      mayImport: [],
      packages: [],
    },
    ...STAGES.map((name) => ({ name, holds: [`src/${name}/`], mayImport: GROUND })),
    { name: 'slack', holds: ['adapters/slack/'], mayImport: GROUND },
    { name: 'teams', holds: ['adapters/teams/'], mayImport: GROUND },
    { name: 'web', holds: ['adapters/web/'], mayImport: GROUND },
    // What runs in a browser knows of the core the shapes of the model, and how words are made legible.
    {
      name: 'web client',
      holds: ['adapters/web/client/'],
      mayImport: ['model', 'legible'],
      typesOnly: ['model'],
      packages: ['react', 'react-dom', '@mantine/'],
    },
    { name: 'actions', holds: ['actions/'], mayImport: GROUND },
    { name: 'top', holds: ['src/', 'src/commands/', 'src/credentials/', 'src/mcp/'], mayImport: 'anything' },
  ],
  packagesOnlyIn: {
    botbuilder: ['adapters/teams/'],
    '@slack/': ['adapters/slack/'],
    '@octokit/': ['actions/'],
    '@cedar-policy/': ['src/policy/'],
    '@modelcontextprotocol/': ['actions/connectors/'],
    openai: ['src/planner/'],
    'openid-client': ['adapters/web/sign-in/'],
    pg: ['src/store/'],
    'pg-boss': ['src/store/'],
    ioredis: ['src/store/'],
  },
  environmentReaders: ['src/main.ts', 'src/cli.ts'],
};

test('every import of the tree points the way of the table, without a cycle', () => {
  const tree = readTree(ROOT, ['src', 'adapters', 'actions']);
  expect(tree.size).toBeGreaterThan(100);
  expect(violations(tree, TABLE)).toEqual([]);
});

/** A small good tree; each case plants one file in it. */
const GOOD: readonly (readonly [string, string])[] = [
  ['src/model/ids.ts', "import { z } from 'zod'; export const Id = z.string();"],
  ['src/errors.ts', 'export class AppError extends Error {}'],
  [
    'src/approval/digest.ts',
    "import { Id } from '../model/ids.ts'; import { AppError } from '../errors.ts';",
  ],
  ['src/policy/decide.ts', "import type { Id } from '../model/ids.ts'; export type Decision = Id;"],
  ['src/main.ts', "import { Id } from './model/ids.ts'; export const port = process.env.PORT;"],
  ['adapters/slack/parse.ts', "import { Id } from '../../src/model/ids.ts';"],
  [
    'adapters/web/client/app.tsx',
    "import { useState } from 'react'; export const a = <p>hi</p>; import './app.css';",
  ],
  ['actions/ticket.create.ts', "import { Id } from '../src/model/ids.ts';"],
];
const plant = (...files: readonly (readonly [string, string])[]) =>
  violations(new Map([...GOOD, ...files]), TABLE);

describe('the check bites', () => {
  test('a good tree has nothing to say against', () => {
    expect(plant()).toEqual([]);
  });

  test.each([
    ['a static import', "import { d } from '../policy/decide.ts';"],
    ['a type-only import', "import type { Decision } from '../policy/decide.ts';"],
    ['an inline type-only import', "import { type Decision } from '../policy/decide.ts';"],
    ['a side-effect import', "import '../policy/decide.ts';"],
    ['a dynamic import', "export const load = () => import('../policy/decide.ts');"],
    ['a dynamic import in a template', 'export const load = () => import(`../policy/decide.ts`);'],
    ['a re-export', "export { d } from '../policy/decide.ts';"],
    ['a type-only re-export', "export type { Decision } from '../policy/decide.ts';"],
    ['a re-export of everything', "export * from '../policy/decide.ts';"],
    ['an import type', "export type D = import('../policy/decide.ts').Decision;"],
    ['a require', "const d = require('../policy/decide.ts');"],
    ['a dynamic import of nobody knows what', 'export const load = (name: string) => import(name);'],
  ])('%s from stage to stage is found', (_kind, text) => {
    expect(plant(['src/approval/planted.ts', text])).toHaveLength(1);
  });

  test.each([
    [
      'a cycle of two, one way type-only',
      [
        ['src/approval/a.ts', "import { b } from './b.ts'; export const a = b;"],
        ['src/approval/b.ts', "import type { a } from './a.ts'; export const b = 1;"],
      ],
    ],
    [
      'a cycle of three, once by a dynamic import',
      [
        ['src/a.ts', "import './b.ts';"],
        ['src/b.ts', "export * from './c.ts';"],
        ['src/c.ts', "export const load = () => import('./a.ts');"],
      ],
    ],
    ['a file that imports itself', [['src/a.ts', "import './a.ts';"]]],
  ] as const)('%s is found', (_kind, files) => {
    const found = plant(...files);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('import cycle');
  });

  test.each([
    ['the model uses a package', 'src/model/a.ts', "import pino from 'pino';"],
    ['the model imports the ground', 'src/model/a.ts', "import { AppError } from '../errors.ts';"],
    ['the ground imports a stage', 'src/trusted-file.ts', "import type { D } from './policy/decide.ts';"],
    ['an adapter imports a stage', 'adapters/slack/a.ts', "import '../../src/policy/decide.ts';"],
    ['what makes words legible imports the model', 'src/surface/unseen.ts', "import '../model/ids.ts';"],
    [
      'the workspace imports a queue',
      'adapters/web/client/a.ts',
      "import '../../../src/surface/paced-queue.ts';",
    ],
    ['an adapter imports another', 'adapters/web/a.ts', "import '../slack/parse.ts';"],
    ['an adapter imports the top', 'adapters/slack/a.ts', "import type { port } from '../../src/main.ts';"],
    ['an action imports an adapter', 'actions/a.ts', "import '../adapters/slack/parse.ts';"],
    ['a stage imports the top', 'src/approval/a.ts', "import { port } from '../main.ts';"],
    ['the workspace imports the ground', 'adapters/web/client/a.ts', "import '../../../src/errors.ts';"],
    [
      'the workspace uses a package of the server',
      'adapters/web/client/a.ts',
      "import express from 'express';",
    ],
    ['Bot Framework outside of its folder', 'adapters/web/a.ts', "import { x } from 'botbuilder';"],
    ['a deep import of Bot Framework', 'src/reply/a.ts', "import { x } from 'botbuilder/lib/x.js';"],
    [
      'the workspace imports a value',
      'adapters/web/client/a.ts',
      "import { Id } from '../../../src/model/ids.ts';",
    ],
    ['a file of no room', 'elsewhere/a.ts', "import '../src/errors.ts';"],
    ['an import of a file of no room', 'src/approval/a.ts', "import '../../test/support/a.ts';"],
  ])('%s: found', (_what, file, text) => {
    expect(plant([file, text])).toHaveLength(1);
  });

  test.each([
    'export const a = process.env.PORT;',
    "export const a = process['env'];",
    'export const a = globalThis.process.env;',
    'export const { env } = process;',
    'export const { ...all } = process;',
    "import { env } from 'node:process';",
    "import process from 'node:process'; export const a = process.env;",
  ])('reading the environment outside of main is found: %s', (text) => {
    expect(plant(['src/config.ts', text])).toEqual(['src/config.ts reads process.env']);
  });

  test('words in comments and strings are no imports', () => {
    const text =
      "/* import '../policy/decide.ts' */ export const a = \"import('../policy/decide.ts') process.env\";";
    expect(factsOf('a.ts', text)).toEqual({ imports: [], readsEnvironment: false });
  });

  test('a file that cannot be parsed fails the check instead of passing it', () => {
    expect(() => plant(['src/approval/a.ts', 'import {'])).toThrow('cannot be parsed');
  });
});
