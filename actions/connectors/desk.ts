import { z } from 'zod';
import type { Connector } from '../../src/action.ts';
import type { Json } from '../../src/model/request.ts';
import { operations } from './desk.operations.ts';

const EXAMPLES: Readonly<Record<string, Record<string, Json>>> = {
  create: { title: 'example' },
  status: { ticket: 'T-1' },
  close: { ticket: 'T-1' },
  comment: { ticket: 'T-1', comment: 'example' },
};

/** The ticket desk that comes with Countersign. */
export const desk: Connector = {
  name: 'desk',
  port: 'ticketing',
  builtIn: true,
  title: () => 'the built-in desk',
  settings: z.strictObject({}),
  facts: () => ({}),
  operations,
  // Policy cannot tell one ticket from another.
  examples: (operation) => [EXAMPLES[operation] ?? {}],
  module: 'actions/connectors/desk.operations.ts',
};
