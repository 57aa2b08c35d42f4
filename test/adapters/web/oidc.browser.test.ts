/** Signing in and out in a real browser, on plain http://localhost as in a trial: cookies, policies and redirects hold there. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../../adapters/web/build-client.ts';
import { newId, ThreadId } from '../../../src/model/ids.ts';
import { missingBrowser, SIZES, sayIn, seriousFindings, startBrowser } from '../../support/browser.ts';
import { useDatabase } from '../../support/database.ts';
import { startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { serveWorkspace, type Workspace } from '../../support/oidc/workspace.ts';

const BUILT = join(import.meta.dirname, '../../../.build/web-of-sign-in-tests');
const PICTURES = join(import.meta.dirname, '../../../.build/screenshots');
/** A browser on a busy machine is slow, in milliseconds. */
const PATIENCE_MS = 90_000;

const title = missingBrowser === null ? 'signing in' : `signing in (${missingBrowser})`;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  const database = useDatabase();
  let browser: Browser;
  let provider: TestProvider;
  let workspace: Workspace;

  beforeAll(async () => {
    await buildClient({ outFolder: BUILT });
    await mkdir(PICTURES, { recursive: true });
    provider = await startProvider();
    browser = await startBrowser();
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await provider?.stop();
  });
  beforeEach(async () => {
    provider.subject = 'subject-of-alice';
    const people = [{ id: 'alice', subject: 'subject-of-alice' }];
    workspace = await serveWorkspace({
      db: database.db,
      issuer: provider.issuer,
      people,
      clientFolder: BUILT,
    });
  });
  afterEach(() => workspace.close());

  const open = async (path: string) => {
    const context = await browser.newContext({ viewport: SIZES.phone, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${workspace.publicUrl.origin}${path}`);
    return { context, page, complaints };
  };
  const signIn = (page: Page) => page.getByRole('button', { name: 'Sign in' }).click();

  it('leads from a link to the page, lets the person work, and out again', async () => {
    const { context, page, complaints } = await open('/mine');
    await page.screenshot({ path: join(PICTURES, 'sign-in-phone.png') });
    expect(await seriousFindings(page)).toEqual([]);
    await signIn(page);
    await page.waitForURL('**/mine');
    const menu = page.getByRole('button', { name: /Signed in as Alice/ });
    await menu.waitFor();

    const cookies = await context.cookies(workspace.publicUrl.origin);
    expect(cookies).toEqual([
      expect.objectContaining({
        name: '__Host-countersign',
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
        path: '/',
        expires: -1,
      }),
    ]);
    expect(await page.evaluate(() => document.cookie)).toBe('');

    await page.locator('nav a.place[href="/"]').click();
    await sayIn(page, 'hello there');
    await page.getByText('I can open tickets and run jobs').waitFor();
    expect(workspace.assistant.deliveries).toHaveLength(1);

    await menu.click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.screenshot({ path: join(PICTURES, 'signed-out-phone.png') });
    expect(await seriousFindings(page)).toEqual([]);
    expect(await context.cookies()).toEqual([]);
    await page.getByRole('link', { name: 'Sign out there too' }).click();
    await page.waitForURL('**/signed-out');
    await page.goto(`${workspace.publicUrl.origin}/mine`);
    await page.getByRole('heading', { name: 'Sign in to Countersign' }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('leads a page whose session ended to the sign-in', async () => {
    const { context, page } = await open('/mine');
    await signIn(page);
    await page.getByRole('button', { name: /Signed in as Alice/ }).waitFor();
    workspace.list([{ id: 'bob', subject: 'subject-of-bob' }]);
    // Something happens anywhere: the page's stream ends, and what it asks next is answered with 401.
    const thread = newId(ThreadId);
    await workspace.assistant.receive({
      key: 'bob says',
      account: { platform: 'web', issuer: provider.issuer, subject: 'subject-of-bob' },
      place: { platform: 'web', tenant: provider.issuer, container: 'bob', thread, direct: true },
      content: { kind: 'message', text: 'hello', fetched: [] },
    });
    await page.getByRole('heading', { name: 'Sign in to Countersign' }).waitFor();
    await signIn(page);
    await page.getByRole('heading', { name: 'You are not in the directory yet' }).waitFor();
    await page.screenshot({ path: join(PICTURES, 'sign-in-unknown-phone.png') });
    expect(await context.cookies()).toEqual([]);
    await context.close();
  });
});
