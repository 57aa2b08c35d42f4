/** From a proposal to a request, with the database's clock and plain functions for policy and preview. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { digestOf } from '../src/approval/digest.ts';
import { findRequest, insertRequest } from '../src/approval/requests.ts';
import { AppError } from '../src/errors.ts';
import type { Decision } from '../src/model/decision.ts';
import type { Json, Proposal } from '../src/model/request.ts';
import { type ProposingDeps, propose } from '../src/proposing.ts';
import { alice, NO_OBLIGATIONS, storeRequest, testLog } from './support/core.ts';
import { useDatabase } from './support/database.ts';
import { outsideSystem } from './support/outside-system.ts';

const database = useDatabase();
const { audit } = testLog();
const PREVIEW = { summary: 'Open it.', facts: [], pinned: {} };
const ALLOWED: Decision = {
  allowed: true,
  code: 'allowed',
  policies: ['tickets'],
  reasons: [],
  obligations: NO_OBLIGATIONS,
  evidence: null,
};
const ONCALL = {
  ...ALLOWED,
  obligations: { ...NO_OBLIGATIONS, approvals: [{ group: 'oncall', quorum: 1 }] },
};

async function proposed(
  changes: Partial<Proposal> = {},
  {
    decision = ALLOWED,
    preview = async () => PREVIEW as typeof PREVIEW,
    level = 'kernel' as 'kernel' | 'process',
  } = {},
) {
  const outside = outsideSystem(database.db, audit);
  const served = outside.deps.governed('ci.trigger')!;
  const governed = {
    ...served,
    action: {
      ...served.action,
      input: z.strictObject({ title: z.string(), note: z.string().default('none') }),
    },
  };
  const origin = await storeRequest(database.db);
  const deps = {
    db: database.db,
    judging: { decide: async () => decision },
    executor: { preview },
    governed: (name: string) => (name === 'ci.trigger' ? governed : null),
    bundleOf: () => ({ sha256: 'ab'.repeat(32) }),
    isolation: () => ({ level, acceptProcess: false }),
  } as unknown as ProposingDeps;
  const { request } = await propose(
    deps,
    { ...origin, tainted: false, principal: { id: alice, name: 'Alice', groups: [], accounts: [] } },
    {
      action: 'ci.trigger',
      arguments: { title: 'x' },
      provenance: { title: 'quoted' },
      typed: false,
      ...changes,
    },
    new AbortController().signal,
  );
  return request;
}

describe('a write', () => {
  test('that the planner proposed waits for its requester, though policy asks for nobody', async () => {
    expect(await proposed()).toMatchObject({ state: 'pending', confirmedAt: null });
  });
  test('that was typed is confirmed by that, and runs where policy asks for nobody', async () => {
    const request = await proposed({ typed: true });
    expect([request.state, request.confirmedAt !== null]).toEqual(['approved', true]);
  });
  test('that was typed still waits for those whom policy asks for', async () => {
    expect((await proposed({ typed: true }, { decision: ONCALL })).state).toBe('pending');
  });
  test('that policy denies is a request in state denied, with the reason and no preview', async () => {
    const denial: Decision = { ...ALLOWED, allowed: false, code: 'no_permit', reasons: ['Ask bob.'] };
    const request = await proposed({ typed: true }, { decision: denial });
    expect(request).toMatchObject({
      state: 'denied',
      confirmedAt: null,
      preview: null,
      result: { code: 'no_permit', message: 'Ask bob.' },
    });
  });
  test('that the machine cannot isolate enough is denied', async () => {
    expect(await proposed({}, { level: 'process' })).toMatchObject({
      state: 'denied',
      result: { code: 'isolation_too_low' },
    });
  });
  test('that cannot be resolved fails in the words of its preview', async () => {
    const preview = () => Promise.reject(new AppError('action_failed', 'There is no wbe.'));
    expect(await proposed({ typed: true }, { preview })).toMatchObject({
      state: 'failed',
      confirmedAt: null,
      result: { code: 'preview_failed', message: 'There is no wbe.' },
    });
  });
});

test('arguments that nobody named came from the schema', async () => {
  expect((await proposed()).provenance).toEqual({ title: 'quoted', note: 'default' });
});

test('what does not fit the schema goes no further', async () => {
  await expect(proposed({ arguments: { title: 1 } })).rejects.toMatchObject({ code: 'malformed' });
  await expect(proposed({ arguments: { title: 'x', more: 1 } })).rejects.toMatchObject({ code: 'malformed' });
  await expect(proposed({ action: 'ci.other' })).rejects.toMatchObject({ code: 'not_found' });
});

test.each<[string, Json]>([
  ['U+0000', 'a\u0000b'],
  ['half a character', 'a\ud83d'],
])('a model that writes %s is digested and stored as what stands for it', async (_what, title) => {
  const request = await proposed({ arguments: { title } });
  await database.db.transaction((tx) => insertRequest(tx, request));
  const stored = (await findRequest(database.db, request.id))!;
  expect(digestOf(stored)).toBe(stored.digest);
  expect(stored.arguments.title).toMatch(/^a[\u2400\ufffd]b?$/);
});

test('it expires as long after now as policy says, by the clock of the database', async () => {
  const request = await proposed(
    {},
    { decision: { ...ONCALL, obligations: { ...ONCALL.obligations, expiresSeconds: 60 } } },
  );
  const { seconds } = await database.db.one<{ seconds: number }>(
    'select extract(epoch from $1::timestamptz - clock_timestamp())::float8 as seconds',
    [request.expiresAt],
  );
  expect(seconds).toBeGreaterThan(50);
  expect(seconds).toBeLessThanOrEqual(60);
});
