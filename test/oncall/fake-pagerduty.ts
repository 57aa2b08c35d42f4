/** PagerDuty at the wire: `GET /oncalls` with its authorisation, ranges, pages and rate limit. */
import { afterAll, beforeAll } from 'vitest';
import { onLoopback } from '../support/on-loopback.ts';

export type FakeEntry = {
  user: string;
  level: number;
  start: Date | null;
  end: Date | null;
  schedule?: string;
};
/** Made at run time; it opens nothing. */
export const TOKEN = ['y', crypto.randomUUID().replaceAll('-', '')].join('_');
const MAX_PAGE = 100;

export function usePagerDuty() {
  const fake = {
    entries: [] as FakeEntry[],
    /** The most that a page holds, whatever was asked for. */
    pageSize: MAX_PAGE,
    /** Headers of the refusals that come before the next answers. */
    limited: [] as Record<string, string>[],
    /** Answers instead of the list. */
    instead: null as { status: number; body: string; headers?: Record<string, string> } | null,
    asked: [] as URL[],
    url: '',
  };
  let server: Awaited<ReturnType<typeof onLoopback>>;
  beforeAll(async () => {
    server = await onLoopback((request, response) => {
      const url = new URL(request.url!, fake.url);
      fake.asked.push(url);
      const send = (status: number, body: unknown, headers: Record<string, string> = {}) =>
        response
          .writeHead(status, { 'content-type': 'application/json', ...headers })
          .end(typeof body === 'string' ? body : JSON.stringify(body));
      if (request.headers.authorization !== `Token token=${TOKEN}`) return send(401, {});
      if (request.headers.accept !== 'application/vnd.pagerduty+json;version=2') return send(406, {});
      if (url.pathname !== '/oncalls' || request.method !== 'GET') return send(404, {});
      const refusal = fake.limited.shift();
      if (refusal !== undefined)
        return send(429, { error: { code: 2020, message: 'Rate Limit Exceeded' } }, refusal);
      if (fake.instead !== null) return send(fake.instead.status, fake.instead.body, fake.instead.headers);
      return send(...page(url));
    });
    fake.url = server.baseUrl;
  });
  afterAll(() => server.stop());

  function page(url: URL): [number, unknown] {
    const query = url.searchParams;
    const [since, until] = [new Date(query.get('since')!), new Date(query.get('until')!)];
    const [limit, offset] = [Number(query.get('limit')), Number(query.get('offset'))];
    if (!(since < until) || limit > MAX_PAGE)
      return [400, { error: { code: 2001, message: 'Invalid Input' } }];
    const schedule = query.get('schedule_ids[]');
    const within = fake.entries.filter(
      (entry) =>
        (entry.schedule ?? 'PSCHED1') === schedule &&
        (entry.start === null || entry.start < until) &&
        (entry.end === null || entry.end >= since),
    );
    const size = Math.min(limit, fake.pageSize);
    return [
      200,
      {
        oncalls: within.slice(offset, offset + size).map(({ user, level, start, end }) => ({
          escalation_policy: { id: 'PPOLICY', type: 'escalation_policy_reference' },
          escalation_level: level,
          schedule: { id: schedule, type: 'schedule_reference', summary: 'Anything @everyone' },
          user: { id: user, type: 'user_reference', summary: 'Somebody' },
          start: start?.toISOString() ?? null,
          end: end?.toISOString() ?? null,
        })),
        limit: size,
        offset,
        more: offset + size < within.length,
        total: null,
      },
    ];
  }

  return fake;
}
