/** The pages that anybody may read: what the app package for Teams names is there, whoever asks and in every mode. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPackage } from '../../../adapters/teams/app/build.ts';
import { greetingInWords } from '../../../src/greeting.ts';
import { FOR_HOW_LONG, OPERATORS_CAN_READ, WHAT_I_RECORD } from '../../../src/model/recording.ts';
import { useDatabase } from '../../support/database.ts';
import { startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { serveWorkspace } from '../../support/oidc/workspace.ts';
import { APP } from '../../support/teams/fake-connector.ts';
import { WebAssistant } from '../../support/web-assistant.ts';
import { ask, serveWeb } from '../../support/web-server.ts';

const PUBLIC_URL = 'https://countersign.example';
const database = useDatabase();
let provider: TestProvider;
let close: () => Promise<unknown> = async () => undefined;
beforeAll(async () => {
  provider = await startProvider();
});
afterAll(() => provider.stop());
afterEach(() => close());

const MODES = ['with sign-in', 'without a workspace', 'in local mode'] as const;
const served = async (mode: (typeof MODES)[number]): Promise<number> => {
  const people = [{ id: 'alice', subject: 'subject-of-alice' }];
  const server =
    mode === 'with sign-in'
      ? await serveWorkspace({ db: database.db, issuer: provider.issuer, people, publicUrl: PUBLIC_URL })
      : await serveWeb({
          assistant: new WebAssistant(),
          publicUrl: PUBLIC_URL,
          ...(mode === 'in local mode' ? {} : { mode: { kind: 'off' } }),
        });
  close = server.close;
  return server.port;
};
const open = (port: number, path: string) => ask(port, path, { headers: { host: 'countersign.example' } });

/** Every text of a JSON value. */
const textsIn = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(textsIn)
      : [];

describe.each(MODES)('%s', (mode) => {
  it('what anybody may read needs no sign-in, runs no script, keeps no state', async () => {
    const port = await served(mode);
    for (const path of ['/privacy', '/terms']) {
      const { status, headers, text } = await open(port, path);
      expect(status, path).toBe(200);
      expect(headers['content-type']).toContain('text/html');
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; style-src 'nonce-[^']+'; img-src 'self'/,
      );
      expect(headers['content-security-policy']).not.toContain('script-src');
      expect(headers['set-cookie']).toBeUndefined();
      expect(text).not.toMatch(/<script|<form| style=| on[a-z]+=/i);
    }
    expect((await open(port, '/logo.svg')).headers['content-type']).toContain('image/svg+xml');
  });
});

describe.each(['with sign-in', 'without a workspace'] as const)('%s', (mode) => {
  it('every address of the built app package is there', async () => {
    const port = await served(mode);
    const { manifest } = buildPackage({ appId: APP, publicUrl: PUBLIC_URL });
    const addresses = textsIn(manifest).filter((text) => text.startsWith(PUBLIC_URL));
    expect(addresses).toHaveLength(3);
    for (const address of addresses) {
      let answer = await open(port, new URL(address).pathname);
      // The workspace's first page asks who you are.
      if (answer.status === 303) answer = await open(port, String(answer.headers.location));
      expect(answer.status, address).toBe(200);
    }
  });
});

it('the privacy page and the first answer tell the same', async () => {
  const { text } = await open(await served('without a workspace'), '/privacy');
  const greeting = greetingInWords([]);
  for (const fact of [WHAT_I_RECORD, FOR_HOW_LONG, OPERATORS_CAN_READ]) {
    expect(greeting).toContain(fact);
    expect(text).toContain(fact);
  }
});
