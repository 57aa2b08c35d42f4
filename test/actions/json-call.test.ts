/** What connectors that speak JSON make of an answer, through a real broker, from a real server on loopback. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  read,
  readList,
  readPage,
  readRule,
  readText,
  type System,
  type WriteMethod,
  write,
  writeForLocation,
  writeRule,
} from '../../actions/connectors/json-call.ts';
import type { EgressRule, Operation, Tools } from '../../src/action.ts';
import { type Script, startUpstream } from '../execution/broker/upstream-server.ts';
import { call } from './through-broker.ts';

const SYSTEM: System = { name: 'Example', host: 'api.example.com', credential: 'example', refusals: {} };
const READ = readRule(SYSTEM, '/things', { query: () => ({ page: null }) });

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const never = () => Promise.reject(new Error('not asked for'));

/** Runs this as an action's code would, against an upstream that answers by the script. */
async function through<T>(
  script: Script,
  work: (tools: Tools) => Promise<Answer<T>>,
  egress: EgressRule[] = [READ],
) {
  const upstream = await startUpstream(script);
  ends.push(() => upstream.close());
  let answer: Answer<T> | null = null;
  const operation: Operation = {
    egress,
    writes: 1,
    idempotency: 'none',
    preview: never,
    reconcile: never,
    follow: never,
    async run(_args, tools) {
      answer = await work(tools);
      return { kind: 'done', result: { code: 'done', message: '' } };
    },
  };
  const config = {
    upstreams: upstream.config,
    credentials: { get: async () => 'Bearer something-long' },
  };
  await call(config, operation, 'run', {});
  return { answer: answer as Answer<T> | null, seen: upstream.seen };
}

const answers =
  (status: number, body = '', headers: Record<string, string> = {}): Script =>
  (response) =>
    void response.writeHead(status, headers).end(body);
const ok = <T>(value: T): Answer<T> => ({ ok: true, value });

describe('a read', () => {
  const list = (tools: Tools) => readList(tools, SYSTEM, ['things']);
  it('that is empty is null', async () => {
    expect((await through(answers(204), list)).answer).toEqual(ok(null));
    expect((await through(answers(200), list)).answer).toEqual(ok(null));
  });
  it('that is empty is no object', async () => {
    await expect(through(answers(200), (tools) => read(tools, SYSTEM, ['things']))).rejects.toMatchObject({
      code: 'upstream_failed',
    });
  });
  it('that is no JSON is not believed', async () => {
    await expect(through(answers(200, '<html>'), list)).rejects.toMatchObject({ code: 'upstream_failed' });
  });
  it('of text is the text as it is, asked for as its rule says', async () => {
    const rule = { ...READ, headers: () => ({ accept: 'text/plain' }) };
    const script = answers(200, 'line 1\n\tline 2\n', { 'content-type': 'text/plain' });
    const { answer, seen } = await through(script, (tools) => readText(tools, SYSTEM, ['things']), [rule]);
    expect(answer).toEqual(ok('line 1\n\tline 2\n'));
    expect(seen[0]?.headers.accept).toBe('text/plain');
  });
  it.each<[string, Record<string, string>, string | null]>([
    ['its header', { 'x-next-page': '3' }, '3'],
    ['an empty header', { 'x-next-page': '' }, null],
    ['a link', { link: '</v3/things?page=4&x=1>; rel="next", </v3/things?page=9>; rel="last"' }, '4'],
    ['the last link', { link: '</v3/things?page=1>; rel="prev"' }, null],
    ['a link to somebody else', { link: '<https://evil.example/v3/things?page=4>; rel="next"' }, null],
    ['nothing', {}, null],
  ])('of a page knows the next one by %s', async (_what, headers, next) => {
    const page = (tools: Tools) => readPage(tools, SYSTEM, ['things'], { page: '2' });
    expect((await through(answers(200, '[1]', headers), page)).answer).toEqual(ok({ value: [1], next }));
  });
});

describe('a write', () => {
  const rule = (method: WriteMethod, body: { a: number } | null) =>
    writeRule(SYSTEM, '/things', { method, query: () => ({ b: '2' }), body: () => body });
  it.each<[WriteMethod, { a: number } | null]>([
    ['POST', { a: 1 }],
    ['PUT', { a: 1 }],
    ['PATCH', { a: 1 }],
    ['DELETE', null],
    ['POST', null],
  ])('by %s with %j and a query leaves so, and its empty answer is null', async (method, body) => {
    const { answer, seen } = await through(
      answers(204),
      (tools) => write(tools, SYSTEM, ['things'], body, method, { b: '2' }),
      [rule(method, body)],
    );
    expect(answer).toEqual(ok(null));
    expect(seen).toMatchObject([
      { method, url: '/v3/things?b=2', body: body === null ? '' : JSON.stringify(body) },
    ]);
  });
  it.each([
    ['/v3/queue/item/7/', '/queue/item/7/'],
    ['https://elsewhere.example/queue/item/7/', null],
  ])('that answers with the place %s gives %s', async (said, location) => {
    const { answer } = await through(
      answers(201, '<html>', { location: said }),
      (tools) => writeForLocation(tools, SYSTEM, ['things'], null, 'POST', { b: '2' }),
      [rule('POST', null)],
    );
    expect(answer).toEqual(ok({ location }));
  });
  it('that may have happened is thrown', async () => {
    const work = (tools: Tools) => write(tools, SYSTEM, ['things'], null, 'POST', { b: '2' });
    for (const script of [answers(503), (response: Parameters<Script>[0]) => void response.destroy()])
      await expect(through(script, work, [rule('POST', null)])).rejects.toMatchObject({
        code: 'upstream_failed',
      });
  });
});

describe('a system that wants to be left alone', () => {
  const twice = async (tools: Tools) => {
    await readList(tools, SYSTEM, ['things']);
    return readList(tools, SYSTEM, ['things']);
  };
  const saysNo = (code: string, message: string) => ({
    ok: false,
    failure: { kind: 'failed', result: { code, message } },
  });
  it.each<[string, string]>([
    ['40', 'try again in 40 seconds'],
    ['600', 'try again in 10 minutes'],
  ])('is quoted with its seconds: %s', async (seconds, words) => {
    const script = answers(429, '', { 'retry-after': seconds });
    const first = await through(script, (tools) => readList(tools, SYSTEM, ['things']));
    expect(first.answer).toEqual(
      saysNo('rate_limited', `Example takes no more calls from the assistant for now; ${words}.`),
    );
    const second = await through(script, twice);
    expect(second.answer).toEqual(saysNo('paused', `Example asked the assistant to wait; ${words}.`));
    expect(second.seen).toHaveLength(1);
  });
  it('may say so with 403', async () => {
    const { answer } = await through(answers(403, '', { 'retry-after': '90' }), (tools) =>
      readList(tools, SYSTEM, ['things']),
    );
    expect(answer).toMatchObject(saysNo('rate_limited', expect.stringContaining('90 seconds')));
  });
  it('because it fails again and again is named, and said when', async () => {
    const work = async (tools: Tools) => {
      for (let failing = 0; failing < 5; failing++)
        await readList(tools, SYSTEM, ['things']).catch(() => null);
      return readList(tools, SYSTEM, ['things']);
    };
    const { answer } = await through(answers(500), work);
    expect(answer).toEqual(
      saysNo(
        'circuit_open',
        'Example failed several times in a row and is left alone for now; try again in 30 seconds.',
      ),
    );
  });
});
