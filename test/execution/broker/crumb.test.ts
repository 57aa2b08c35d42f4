import { describe, expect, it } from 'vitest';
import type { Credential } from '../../../src/execution/broker/credential.ts';
import { openTo } from './child.ts';
import { json, startUpstream } from './upstream-server.ts';

const PASSWORD = ['correct', 'horse', crypto.randomUUID()].join('-');
const BASIC = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;
const ISSUER = '/crumbIssuer/api/json';
const CRUMB: Credential = { kind: 'crumb', path: ISSUER, authorization: BASIC };
const WRITE = { method: 'POST', path: '/repos/acme/issues', body: { title: 'VPN down', body: 'mark-1' } };
/** The session cookie that Jenkins names after itself. */
const COOKIE = 'JSESSIONID.1a2b3c4d';

/** A Jenkins as far as crumbs go: a write counts only with the crumb of its own session. */
async function startJenkins(given: { field?: string; issuer?: 200 | 404 | 403 | 302 } = {}) {
  const { field = 'Jenkins-Crumb', issuer = 200 } = given;
  let crumb = crypto.randomUUID();
  let session = crypto.randomUUID();
  let shown: string[] = [];
  const upstream = await startUpstream((response, { method, url, headers }) => {
    if (url === `/v3${ISSUER}`) {
      if (headers.authorization !== BASIC) return json(response, {}, 401);
      if (issuer !== 200) return json(response, {}, issuer);
      response.setHeader('set-cookie', `${COOKIE}=${session}; Path=/; HttpOnly`);
      return json(response, { _class: 'DefaultCrumbIssuer', crumb, crumbRequestField: field });
    }
    const isKnown = headers[field.toLowerCase()] === crumb && headers.cookie === `${COOKIE}=${session}`;
    const status = method === 'GET' || issuer === 404 || isKnown ? 200 : 403;
    json(response, { echoed: headers, shown }, status);
  });
  return {
    ...upstream,
    asked: () => upstream.seen.filter(({ url }) => url.endsWith(ISSUER)).length,
    secrets: () => [crumb, session, BASIC.slice('Basic '.length), PASSWORD],
    show(secrets: string[]): void {
      shown = secrets;
    },
    lose(): void {
      crumb = crypto.randomUUID();
      session = crypto.randomUUID();
    },
  };
}

async function open(jenkins: Awaited<ReturnType<typeof startJenkins>>, credential: Credential = CRUMB) {
  const opened = await openTo(
    { upstreams: jenkins.config, credentials: { get: async () => credential } },
    { writes: 10 },
  );
  return {
    ...opened,
    end: async () => {
      await opened.end();
      await jenkins.close();
    },
  };
}

describe('a crumb', () => {
  it.each(['Jenkins-Crumb', '.crumb'])(
    'named %s is got once by the broker and carried by every write, with its session',
    async (field) => {
      const jenkins = await startJenkins({ field });
      const opened = await open(jenkins);
      expect((await opened.ask(WRITE)).status).toBe(200);
      expect((await opened.ask(WRITE)).status).toBe(200);
      expect(jenkins.asked()).toBe(1);
      await opened.end();
    },
  );

  it('is neither got for a read nor sent with it', async () => {
    const jenkins = await startJenkins();
    const opened = await open(jenkins);
    expect((await opened.ask({})).status).toBe(200);
    expect(jenkins.seen).toMatchObject([{ headers: { authorization: BASIC } }]);
    expect(jenkins.asked()).toBe(0);
    await opened.end();
  });

  it('is masked with its session and password where the server echoes them', async () => {
    const jenkins = await startJenkins();
    const opened = await open(jenkins);
    const { body } = await opened.ask(WRITE);
    for (const secret of jenkins.secrets()) expect(body).not.toContain(secret);
    expect(opened.heard.calls).toMatchObject([
      { own: true, path: '/crumbIssuer/api/json', status: 200 },
      { credentialEchoed: true },
    ]);
    await opened.end();
  });

  it('is masked in the answer to a later read, too, which carried none', async () => {
    const jenkins = await startJenkins();
    const opened = await open(jenkins);
    await opened.ask(WRITE);
    const [crumb = '', session = ''] = jenkins.secrets();
    jenkins.show([crumb, session]);
    const { body } = await opened.ask({});
    expect(body).toContain('"shown":["[redacted]","[redacted]"]');
    await opened.end();
  });

  it('that the server forgot is got anew for the next write', async () => {
    const jenkins = await startJenkins();
    const opened = await open(jenkins);
    await opened.ask(WRITE);
    jenkins.lose();
    expect((await opened.ask(WRITE)).status).toBe(403);
    expect((await opened.ask(WRITE)).status).toBe(200);
    expect(jenkins.asked()).toBe(2);
    await opened.end();
  });

  it('is left out where the server has no issuer, its protection being off', async () => {
    const jenkins = await startJenkins({ issuer: 404 });
    const opened = await open(jenkins);
    expect((await opened.ask(WRITE)).status).toBe(200);
    await opened.end();
  });
});

describe('a write is stopped before it leaves', () => {
  const refused = { 'x-egress-refused': 'login_refused', 'x-egress-sent': 'no' };

  it.each([403, 302] as const)('where the issuer answers %i', async (issuer) => {
    const opened = await open(await startJenkins({ issuer }));
    expect((await opened.ask(WRITE)).headers).toMatchObject(refused);
    expect(opened.heard.writes).toEqual([]);
    await opened.end();
  });

  it('where the password is wrong', async () => {
    const jenkins = await startJenkins();
    const opened = await open(jenkins, { ...CRUMB, authorization: 'Basic d3Jvbmc6d3Jvbmc=' });
    expect((await opened.ask(WRITE)).headers).toMatchObject(refused);
    expect(jenkins.seen).toHaveLength(1);
    await opened.end();
  });

  it.each(['Authorization', 'Host', 'Content-Length', 'Cookie', 'X-Crumb\r\nX-Other'])(
    'where the issuer names the header %j',
    async (field) => {
      const jenkins = await startJenkins({ field });
      const opened = await open(jenkins);
      expect((await opened.ask(WRITE)).headers).toMatchObject(refused);
      await opened.end();
    },
  );
});
