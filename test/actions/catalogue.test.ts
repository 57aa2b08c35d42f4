import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ACTIONS, CONNECTORS } from '../../actions/catalogue.ts';

const ROOT = new URL('../../', import.meta.url);
const FILES = readdirSync(new URL('actions/', ROOT)).filter((name) => /^[a-z]+\.[a-z]+\.ts$/.test(name));

describe('the catalogue', () => {
  it('holds every action file, under the name of its file', () => {
    expect(ACTIONS.map((action) => `${action.name}.ts`).sort()).toEqual(FILES.sort());
  });

  it('speaks of the same actions as the policies', () => {
    const schema = readFileSync(new URL('policies/schema.cedarschema', ROOT), 'utf8');
    for (const { name } of ACTIONS) expect(schema).toContain(`"${name}"`);
  });
});

describe.each(ACTIONS.map((action) => [action.name, action] as const))('%s', (_name, action) => {
  it('accepts no argument that it does not declare', () => {
    expect(z.toJSONSchema(action.input)).toMatchObject({ type: 'object', additionalProperties: false });
  });

  it('labels every argument for forms', () => {
    for (const field of Object.values(action.input.shape)) {
      expect(z.globalRegistry.get(field as z.ZodType)).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
      });
    }
  });

  it('anchors every pattern, so that a part never passes for the whole', () => {
    const patterns = JSON.stringify(z.toJSONSchema(action.input)).matchAll(/"pattern":"(.*?)(?<!\\)"/g);
    for (const [, pattern = ''] of patterns) expect(pattern).toMatch(/^\^.*\$$/);
  });

  it('has examples that name only its arguments', () => {
    expect(action.examples.length).toBeGreaterThan(0);
    for (const example of action.examples) {
      for (const [, name = ''] of example.matchAll(/\{(\w+)\}/g))
        expect(action.input.shape).toHaveProperty(name);
    }
  });

  it('is taken back, if at all, by another write that it gives good arguments to', () => {
    if (!action.undo) return;
    const other = ACTIONS.find((candidate) => candidate.name === action.undo?.action);
    expect(other).toMatchObject({ effect: 'write', port: action.port });
    expect(other).not.toBe(action);
    const asked = { title: 'example', person: 'alice', team: 'dba' };
    const result = { code: 'done', message: 'Done.', data: { ticket: 'T-1', incident: 'PEXAMPLE' } };
    expect(other?.input.safeParse(action.undo.arguments(asked, result)).success).toBe(true);
    // A result that does not say that it was done offers nothing.
    expect(action.undo.arguments(asked, { code: 'other', message: 'Done.' })).toBeNull();
  });

  it('ends, if at all, by another write that it gives good arguments to, and that can be done again', () => {
    const ended = ACTIONS.find((candidate) => candidate.name === action.ends);
    expect(ended?.ending?.action).toBe(action.ends && action.name);
    if (!action.ending) return;
    const other = ACTIONS.find((candidate) => candidate.name === action.ending?.action);
    expect(other).toMatchObject({ effect: 'write', port: action.port, ends: action.name });
    // It is tried until it is known to have been done: also where nobody knows whether it was.
    for (const connector of CONNECTORS.filter(({ port }) => port === action.port))
      expect(connector.operations[other?.operation ?? '']).toMatchObject({ idempotency: 'natural' });
    const args = { person: 'alice', team: 'dba', hours: 2 };
    expect(other?.input.safeParse(action.ending.arguments(args)).success).toBe(true);
    expect(action.ending.afterSeconds(args)).toBe(7_200);
  });

  it('is served by every connector of its port', () => {
    const serving = CONNECTORS.filter((connector) => connector.port === action.port);
    expect(serving.length).toBeGreaterThan(0);
    for (const connector of serving) {
      const operation = connector.operations[action.operation];
      expect(operation).toBeDefined();
      const writes = operation?.egress.filter((rule) => rule.effect === 'write') ?? [];
      // A read has no way to write, and a write cannot go out more often than it says.
      expect(writes.length > 0).toBe(action.effect === 'write');
      expect((operation?.writes ?? 0) > 0).toBe(action.effect === 'write');
    }
  });
});

describe.each(CONNECTORS.map((connector) => [connector.name, connector] as const))(
  '%s',
  (_name, connector) => {
    it('names a module that is there', () => {
      expect(existsSync(new URL(connector.module, ROOT))).toBe(true);
    });

    it('lets looks write, if at all, what only a handle asks for', () => {
      const values = { args: {}, pinned: {}, handle: {}, settings: {}, mark: 'm', requester: 'r' };
      for (const { egress, writes, followWrites = 0 } of Object.values(connector.operations)) {
        const follow = egress.filter(({ phase }) => phase === 'follow');
        expect(follow.length > 0).toBe(followWrites > 0);
        for (const rule of follow) expect([rule.effect, rule.fill(values)]).toEqual(['write', {}]);
        expect(writes).toBeGreaterThanOrEqual(followWrites > 0 ? 1 : 0);
      }
    });

    it('declares whole segments only, and no write whose query is open', () => {
      const values = { args: {}, pinned: {}, handle: {}, settings: {}, mark: 'm', requester: 'r' };
      for (const rule of Object.values(connector.operations).flatMap((operation) => operation.egress)) {
        expect(rule.path).toMatch(/^(\/([A-Za-z0-9.]+|\{[a-zA-Z]+\}))+$/);
        expect(rule.effect).toBe(rule.method === 'GET' ? 'read' : 'write');
        if (rule.effect === 'write') expect(Object.values(rule.query(values))).not.toContain(null);
      }
    });
  },
);

it.each(
  CONNECTORS.flatMap(({ name, operations }) =>
    Object.entries(operations)
      .filter(([, { egress }]) => egress.some(({ credential }) => credential === 'github'))
      .map(([operation, { scope }]) => [name, operation, scope] as const),
  ),
)('%s says for %s what a token of a GitHub App would be made for', (_name, _operation, scope) => {
  expect(scope).toBeTypeOf('function');
});
