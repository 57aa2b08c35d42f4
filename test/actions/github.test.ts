import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../actions/connectors/github-issues.operations.ts';
import { commentBody } from '../../actions/connectors/github-issues-words.ts';
import type { BrokerConfig } from '../../src/execution/broker/broker.ts';
import { json, startUpstream } from '../execution/broker/upstream-server.ts';
import { seen } from '../support/github-issues/markdown.ts';
import { type GithubWorld, githubSubject } from './github.world.ts';
import { call, type Given } from './through-broker.ts';
import { ticketingContract } from './ticketing-contract.ts';
import { through, VPN } from './ticketing-contract.world.ts';

describe('GitHub Issues', () => {
  ticketingContract(githubSubject());
});

describe("GitHub's own ways", () => {
  let world: GithubWorld;
  const subject = githubSubject((started) => {
    world = started;
  });
  beforeAll(async () => {
    await subject.start();
  });
  afterAll(() => world.stop());
  const { upstream, given, run, reconcile, preview, open, operation } = through(subject, () => world);
  const at = (ticket: string) => `/repos/acme/web/issues/${ticket.slice(1)}`;
  const issue = (ticket: string) => world.rest(at(ticket));

  it('show a pull request as an issue: it is no ticket, and nothing is written on it or closed', async () => {
    const ticket = await world.pull();
    const isNone = {
      code: 'not_found',
      message: `${ticket} of acme/web is a pull request on GitHub, and no ticket.`,
    };
    for (const name of ['comment', 'close']) {
      const request = given({ ticket, comment: 'x' });
      expect(await preview(name, request)).toEqual({ refused: isNone.message });
      const made = await run(name, request);
      expect(made.value).toEqual({ kind: 'failed', result: isNone });
      expect(made.heard.writes).toEqual([]);
      expect(await reconcile(name, request)).toEqual({ kind: 'cannot_tell' });
    }
    expect((await run('status', given({ ticket }))).value).toEqual({ kind: 'failed', result: isNone });
    await world.rest(at(ticket), { state: 'closed' }, 'PATCH');
    expect(await reconcile('close', given({ ticket }))).toEqual({ kind: 'cannot_tell' });
  });

  it('list comments oldest first: a look shows the newest, however many there are', async () => {
    const ticket = await open();
    await world.saidByOthers(ticket, 1_105);
    const { value } = await run('status', given({ ticket }));
    const { output = '', data } = value.kind === 'done' ? value.result : {};
    expect(data).toMatchObject({ comments: 1_105 });
    expect(output).toMatch(/eve: note 1085\n(?:eve: note [0-9]+\n){18}eve: note 1104$/);
    expect(output).not.toContain('note 1084');
    const request = given({ ticket, comment: 'Also in Hamburg' });
    const commented = await run('comment', request);
    expect(await reconcile('comment', request)).toEqual({ kind: 'happened', outcome: commented.value });
  });

  it('say who will read it before it is written', async () => {
    const request = given({ ticket: await open(), comment: 'x' });
    expect(await preview('comment', request)).toMatchObject({
      facts: expect.arrayContaining([{ label: 'Read by', value: 'everybody' }]),
    });
    await world.rest('/repos/acme/web', { private: true }, 'PATCH');
    expect(await preview('comment', request)).toMatchObject({
      facts: expect.arrayContaining([{ label: 'Read by', value: 'members of the repository' }]),
    });
  });

  it('may hold something else than was asked for: that is said, not called done', async () => {
    const bend = (more: object) =>
      world.retell(({ method }, body) =>
        method === 'GET' && !Array.isArray(body) ? { ...(body as object), ...more } : body,
      );
    const ticket = await open();
    const differs = async (name: string, args: Record<string, string>) => {
      const { value } = await run(name, given(args, { pinned: {} }));
      world.retell(null);
      expect(value).toMatchObject({ kind: 'unclear', result: { code: 'read_back_differs' } });
      return value.kind === 'unclear' ? value.result.message : '';
    };
    bend({ title: 'Another', body: 'x' });
    expect(await differs('create', VPN)).toMatch(
      /opened issue #\d+, with another title and text\. Please look/,
    );
    bend({ body: 'x' });
    expect(await differs('comment', { ticket, comment: 'y' })).toContain('with another text');
    bend({ state: 'open' });
    expect(await differs('close', { ticket })).toContain('does not show it so');
    expect(await issue(ticket)).toMatchObject({ state: 'closed' });
  });

  it('may be behind: what they do not show yet is looked for again, ten times', async () => {
    const handle = { number: '99999', comment: '99999', link: 'https://github.com/x', title: 'x', body: 'x' };
    for (const name of ['create', 'comment', 'close']) {
      const follow = async (looks: object) =>
        (
          await call(upstream(), operation(name), 'follow', {
            ...given({ ticket: '#99999' }),
            handle: { ...handle, ...looks },
          })
        ).value;
      expect(await follow({})).toEqual({ kind: 'running', handle: { ...handle, looks: 1 }, output: '' });
      expect(await follow({ looks: 9 })).toMatchObject({
        kind: 'unclear',
        result: { message: expect.stringMatching(/does not show it/), link: handle.link },
      });
    }
  });
});

describe('words as GitHub holds them', () => {
  const body = (comment: string, requester = 'alice (Alice Adams)') =>
    commentBody({ comment }, { mark: 'ab'.repeat(16), requester }).body;

  it('do nothing, and hide nothing, whatever they are made of', () => {
    const part = fc.constantFrom(
      ...[
        '`',
        '```',
        '~~~',
        '\n',
        '\r\n',
        ' ',
        '    ',
        '<!--',
        '-->',
        '<img src=x>',
        '![x](https://x.example/x)',
      ],
      ...[
        '@acme/team',
        'Fixes #1',
        'GH-2',
        '</code></pre>',
        '&lt;',
        '# ',
        '> ',
        '- ',
        '1. ',
        '|',
        '\\',
        'x',
        '<details>',
      ],
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 14 }), (parts) => {
        const words = parts.join('');
        const shown = seen(body(words)).replaceAll('\r\n', '\n');
        const literally = words.replaceAll('\r\n', '\n').trimEnd();
        expect(shown.startsWith('Written for alice (Alice Adams) by Countersign.')).toBe(true);
        expect(shown.endsWith(literally)).toBe(true);
        expect(shown.slice(0, -literally.length || undefined)).not.toMatch(/<(?:told|linked|loaded)/);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['`', '``x', '@acme/team', 'a `b` c', 'a*b*', '<!--', 'two\n\nlines'])(
    'are said to be written for somebody called %j, and tell nobody',
    (name) => {
      const shown = seen(body('x', name));
      expect(shown).toContain(`Written for ${name.replace(/\s+/g, ' ')} by Countersign.`);
      expect(shown).not.toMatch(/<told|countersign:/);
    },
  );
});

describe("GitHub's refusals", () => {
  /** Made at run time; it opens nothing. */
  const TOKEN = ['ghp', 'bot', crypto.randomUUID().replaceAll('-', '')].join('_');
  const way = (baseUrl: string): Partial<BrokerConfig> => ({
    upstreams: { 'api.github.com': { baseUrl, addresses: ['127.0.0.1/32'] } },
    credentials: { get: async () => `Bearer ${TOKEN}` },
  });
  const given: Given = { args: VPN, mark: 'mark-1', settings: { owner: 'acme', repo: 'web' } };

  it.each([{ 'x-ratelimit-remaining': '0' }, { 'retry-after': '60' }])(
    'with 403 and %j are a limit',
    async (headers) => {
      const server = await startUpstream((response) => {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        json(response, { message: "the vendor's own words" }, 403);
      });
      const { value } = await call(way(server.baseUrl), operations.create, 'run', given);
      await server.close();
      expect(value).toMatchObject({ kind: 'failed', result: { code: 'rate_limited' } });
      expect(JSON.stringify(value)).not.toContain('vendor');
    },
  );

  it('with a redirect leave open what happened: it is thrown, never called a failure', async () => {
    const server = await startUpstream((response) => json(response, {}, 301));
    const running = call(way(server.baseUrl), operations.create, 'run', given);
    await expect(running).rejects.toMatchObject({ code: 'upstream_failed' });
    await server.close();
  });

  it('do not include a write that was stopped before it left', async () => {
    const config = { ...way('http://127.0.0.1:9'), credentials: { get: async () => null } };
    const stopped = await call(config, operations.create, 'run', given);
    expect(stopped.value).toMatchObject({ kind: 'failed', result: { code: 'no_credential' } });
  });
});
