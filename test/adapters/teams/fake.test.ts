import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ELEMENTS } from '../../support/teams/card-schema.ts';
import { COVERAGE } from '../../support/teams/coverage.ts';
import { FakeConnector, ROUTES } from '../../support/teams/fake-connector.ts';
import { CHANNEL } from './harness.ts';

const source = ['fake-connector', 'streams']
  .map((name) => readFileSync(new URL(`../../support/teams/${name}.ts`, import.meta.url), 'utf8'))
  .join('\n');
const started = async () => {
  const teams = await FakeConnector.start();
  teams.addConversation(CHANNEL, 'channel', { members: ['alice'] });
  const call = async (method: string, path: string, body?: unknown, token = teams.botToken) => {
    const response = await fetch(teams.serviceUrl + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as { error?: { code: string } } };
  };
  return { teams, call };
};
const activities = `v3/conversations/${encodeURIComponent(CHANNEL)}/activities`;
const card = (change: object) => ({
  type: 'message',
  attachments: [{ content: { type: 'AdaptiveCard', version: '1.5', body: [], ...change } }],
});

describe('the fake connector', () => {
  test('covers what its list says, no more and no less', () => {
    expect(Object.keys(ROUTES).sort()).toEqual([...COVERAGE.routes]);
    expect(Object.keys(ELEMENTS).sort()).toEqual([...COVERAGE.elements]);
    const said = [...source.matchAll(/(?:error|refuse)\(\s*\d+,\s*'([^']+)'/g)].map((match) => match[1]);
    expect([...new Set([...said, 'Throttled'])].sort()).toEqual([...COVERAGE.errors]);
    for (const kind of COVERAGE.activities) expect(source).toContain(`'${kind}'`);
  });

  test.each([
    ['another token', { type: 'message', text: 'x' }, 'other', 401],
    ['nothing to say', { type: 'message' }, undefined, 400],
    ['a strange kind', { type: 'trace', text: 'x' }, undefined, 400],
    ['an empty card', card({}), undefined, 400],
    ['more than 28 KB', { type: 'message', text: 'x'.repeat(14_400) }, undefined, 413],
  ])('refuses %s', async (_name, body, token, status) => {
    const { teams, call } = await started();
    expect((await call('POST', activities, body, token)).status).toBe(status);
    await teams.stop();
  });

  test('knows who is where', async () => {
    const { teams, call } = await started();
    const message = { type: 'message', text: 'x' };
    expect(await call('POST', 'v3/conversations/none/activities', message)).toMatchObject({ status: 404 });
    teams.addConversation('19:closed', 'channel', { hasApp: false });
    expect(await call('POST', 'v3/conversations/19%3Aclosed/activities', message)).toMatchObject({
      status: 403,
    });
    expect(await call('PUT', `${activities}/1`, message)).toMatchObject({ status: 404 });
    expect(await call('POST', 'v3/conversations', { isGroup: true })).toMatchObject({ status: 400 });
    expect(await call('GET', `v3/conversations/${encodeURIComponent(CHANNEL)}/pagedmembers`)).toMatchObject({
      body: { members: [{ aadObjectId: 'alice' }] },
    });
    await teams.stop();
  });

  test('takes seven messages a second', async () => {
    const { teams, call } = await started();
    let now = 0;
    teams.connect('', () => now);
    const send = async () => (await call('POST', activities, { type: 'message', text: 'x' })).status;
    const first = [];
    for (let time = 0; time < 8; time += 1) first.push(await send());
    expect(first).toEqual([201, 201, 201, 201, 201, 201, 201, 429]);
    now = 1_000;
    expect(await send()).toBe(201);
    await teams.stop();
  });
});
