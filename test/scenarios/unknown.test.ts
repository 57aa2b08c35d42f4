import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrincipalId } from '../../src/model/ids.ts';
import { json, type Seen, startUpstream } from '../execution/broker/upstream-server.ts';
import { startAssistant, type TestAssistant } from '../support/assistant.ts';
import { useDatabase } from '../support/database.ts';

/** Made at run time; it opens nothing. */
const TOKEN = ['ghp', crypto.randomUUID().replaceAll('-', '')].join('_');

/** A tracker that takes an issue and says nothing: it has no key that would make sending again safe. */
function tracker(response: ServerResponse, { method, url }: Seen): void {
  if (method === 'POST') response.destroy();
  else if (url === '/user') json(response, { login: 'bot' });
  else if (url.startsWith('/repos/acme/web/issues')) json(response, []);
  else json(response, { has_issues: true, private: true, full_name: 'acme/web' });
}

describe('an effect of which nobody knows', () => {
  const database = useDatabase();
  let upstream: Awaited<ReturnType<typeof startUpstream>>;
  let house: TestAssistant;
  beforeAll(async () => {
    upstream = await startUpstream(tracker);
    house = await startAssistant(database, {
      environment: { GITHUB_TOKEN: TOKEN, LOCAL_MODE_WITH_CONNECTORS: '1' },
      extra: [
        'connectors: {ticketing: {use: github-issues, settings: {owner: acme, repo: web}}}',
        `upstreams: {api.github.com: {base_url: "${upstream.baseUrl}", addresses: ["127.0.0.1/32"]}}`,
      ].join('\n'),
    });
  });
  afterAll(async () => {
    await house.running.stop();
    house.home.remove();
    await upstream.close();
  });

  it('is sent once, asks a person, and ends as that person says', async () => {
    const { ask, done, until, say, view, story, entries } = house;
    const asked = await ask('alice', 'the badge reader is dead, please open a ticket');
    await done('alice', asked, 'confirm');
    const unknown = await until(asked, 'unknown');
    expect(unknown.result).toMatchObject({ code: 'unknown_outcome' });
    expect(upstream.seen.filter((seen) => seen.method === 'POST')).toHaveLength(1);

    const foreign = await say('dave', `resolve ${asked.id} succeeded`);
    expect(foreign.reply).toMatch(/Only its requester or somebody who may approve/);
    expect((await view(asked.id)).state).toBe('unknown');
    await say('alice', `resolve ${asked.id} succeeded it is issue 12`);
    expect(await view(asked.id)).toMatchObject({
      state: 'succeeded',
      result: { code: 'resolved_succeeded' },
    });
    expect((await say('alice', `resolve ${asked.id} failed`)).reply).toMatch(/no request of that id/);

    const types = await story(asked);
    expect(
      types.slice(types.indexOf('execution.started')).filter((type) => !type.startsWith('egress.')),
    ).toEqual([
      'execution.started',
      'execution.finished',
      'reply.sent',
      'approval.refused',
      'execution.resolved',
    ]);
    const log = await entries(asked);
    expect(log.find((entry) => entry.type === 'execution.finished')?.data).toMatchObject({
      state: 'unknown',
    });
    expect(log.find((entry) => entry.type === 'execution.resolved')).toMatchObject({ principal: 'alice' });
    expect(JSON.stringify(log)).not.toContain(TOKEN);
  });

  it('is settled by a press of what somebody found, by whom it concerns and once', async () => {
    const { ask, done, until, view, assistant, deliver, entries } = house;
    const asked = await ask('alice', 'the printer is on fire, please open a ticket');
    await done('alice', asked, 'confirm');
    await until(asked, 'unknown');
    const cardFor = async (person: string) =>
      (await assistant.requestPage(asked.id, person as PrincipalId))?.message.card;
    const card = await cardFor('alice');
    expect(card?.offers).toEqual(['happened', 'did_not_happen', 'report']);
    expect((await cardFor('erin'))?.offers).toEqual(['report']);

    const press = async (person: string, as: 'succeeded' | 'failed') => {
      const received = await deliver(person, { kind: 'resolve', rendering: card!.rendering, as });
      const outcome = await assistant.outcome(received.turn, 60_000);
      return outcome.reply;
    };
    expect(await press('dave', 'succeeded')).toMatch(/Only its requester or somebody who may approve/);
    expect((await view(asked.id)).state).toBe('unknown');
    expect(await press('alice', 'failed')).toMatch(/recorded/);
    expect(await view(asked.id)).toMatchObject({ state: 'failed', result: { code: 'resolved_failed' } });
    expect(await press('alice', 'succeeded')).toMatch(/no request of that id/);
    expect((await cardFor('alice'))?.offers).toEqual(['report']);
    const said = (await entries(asked)).filter((entry) => entry.type === 'execution.resolved');
    const refused = (await entries(asked)).filter((entry) => entry.type === 'approval.refused');
    expect(refused).toMatchObject([
      { principal: 'dave', data: { digest: asked.digest, decision: 'resolve', why: 'not_entitled' } },
    ]);
    expect(said).toMatchObject([{ principal: 'alice', data: { state: 'failed' } }]);
  });

  it('waits for everybody who may say what became of it, until somebody does', async () => {
    const { ask, done, say, until, assistant } = house;
    house.home.edit('policies/tickets.cedar', (text) =>
      text.replaceAll('@approval("none")', '@approval("oncall")'),
    );
    house.home.edit('policies/approval.cedar', (text) =>
      text.replace('["access.grant"', '["ticket.create", "access.grant"'),
    );
    await house.running.reload();
    const asked = await ask('alice', 'ticket create title="The lift is stuck"');
    await done('bob', asked, 'approve');
    await until(asked, 'unknown');
    const waitsFor = async (person: string) =>
      (await assistant.waitingFor(person as PrincipalId)).find(({ card }) => card?.request === asked.id)
        ?.card;
    // Bob approved it, Carol could have.
    for (const person of ['alice', 'bob', 'carol']) {
      expect((await waitsFor(person))?.offers, person).toContain('happened');
      expect((await say(person, 'waiting for me')).reply).toContain(
        `(${asked.id.slice(0, 8)}): Outcome unknown: somebody must look.`,
      );
    }
    expect(await waitsFor('erin')).toBeUndefined();
    expect((await say('dave', `resolve ${asked.id.slice(0, 8)} failed`)).reply).toMatch(
      /no request of that id/,
    );
    await say('bob', `resolve ${asked.id.slice(0, 8)} failed`);
    expect(await waitsFor('alice')).toBeUndefined();
    expect((await say('carol', 'waiting for me')).reply).toBe('Nothing waits for you.');
  });
});
