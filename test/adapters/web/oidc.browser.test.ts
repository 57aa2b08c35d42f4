/** Signing in and out in a real browser, on plain http://localhost as in a trial: cookies, policies and redirects hold there. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../../adapters/web/build-client.ts';
import { ABSOLUTE_MS } from '../../../adapters/web/sign-in/sessions.ts';
import { newId, type PrincipalId, ThreadId } from '../../../src/model/ids.ts';
import {
  isInSight,
  missingBrowser,
  SIZES,
  sayIn,
  seriousFindings,
  startBrowser,
} from '../../support/browser.ts';
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
    const people = [
      { id: 'alice', subject: 'subject-of-alice' },
      { id: 'bob', subject: 'subject-of-bob' },
    ];
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
    // The provider leads back to where the page is already.
    const back = page.waitForEvent('framenavigated');
    await page.getByRole('link', { name: 'Sign out there too' }).click();
    await back;
    expect(new URL(page.url()).pathname).toBe('/signed-out');
    await page.goto(`${workspace.publicUrl.origin}/mine`);
    await page.getByRole('heading', { name: 'Sign in to Countersign' }).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  /** Somebody says something; answers the request that it made, where it made one. */
  const says = async (id: string, text: string) => {
    const turn = await workspace.assistant.receive({
      key: `${id} says ${text}`,
      account: { platform: 'web', issuer: provider.issuer, subject: `subject-of-${id}` },
      place: {
        platform: 'web',
        tenant: provider.issuer,
        container: id,
        thread: newId(ThreadId),
        direct: true,
      },
      content: { kind: 'message', text, fetched: [] },
    });
    return (await workspace.assistant.outcome(turn.turn)).requests[0];
  };
  const nobody = (page: Page) => page.getByRole('dialog', { name: 'You are signed out' });
  /** Every session is too old; what happens next anywhere ends the page's stream, and what it asks then is answered with 401. */
  const endSession = async (page: Page) => {
    workspace.pass(ABSOLUTE_MS + 1);
    await says('alice', `hello at ${Math.random()}`);
    await nobody(page).waitFor();
  };
  const signInAgain = async (page: Page) => {
    await nobody(page).getByRole('link', { name: 'Sign in' }).click();
    await signIn(page);
    await page.getByRole('button', { name: /Signed in as/ }).waitFor();
  };
  const drafts = (page: Page) =>
    page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('countersign.draft')));

  it('says over the page that the session ended, shows nothing of it, and leads on only when pressed', async () => {
    const { context, page } = await open('/mine');
    await signIn(page);
    await page.getByRole('button', { name: /Signed in as Alice/ }).waitFor();
    await endSession(page);
    expect(new URL(page.url()).pathname).toBe('/mine');
    await page.screenshot({ path: join(PICTURES, 'session-over-phone.png') });
    expect(await seriousFindings(page)).toEqual([]);
    expect(await isInSight(page.getByRole('heading', { name: 'My requests', includeHidden: true }))).toBe(
      false,
    );
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await nobody(page).waitFor();
    await signInAgain(page);
    expect(new URL(page.url()).pathname).toBe('/mine');
    await context.close();
  });

  it('keeps the message that was being typed when the session ended', async () => {
    const { context, page, complaints } = await open('/');
    await signIn(page);
    const message = page.getByRole('textbox', { name: 'Message to Countersign' });
    await message.fill('a long story about the printer');
    await endSession(page);
    await signInAgain(page);
    expect(await message.inputValue()).toBe('a long story about the printer');
    await message.press('Enter');
    await page.getByText('I can open tickets and run jobs').waitFor();
    expect(await drafts(page)).toEqual([]);
    // A stream that ends and an answer of 401 are what this is about.
    expect(complaints.filter((text) => !text.startsWith('Failed to load resource'))).toEqual([]);
    await context.close();
  });

  it('keeps the form and the report that were being typed when the session ended', async () => {
    const request = await says('alice', 'the printer burns, a ticket please');
    const { context, page } = await open(`/requests/${request}`);
    await signIn(page);
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    const title = page.getByRole('textbox', { name: /title/i });
    await title.fill('The printer on floor 3 burns');
    await endSession(page);
    await signInAgain(page);
    expect(await title.inputValue()).toBe('The printer on floor 3 burns');
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByRole('button', { name: 'Report', exact: true }).click();
    const words = page.getByRole('textbox', { name: /What looks wrong/ });
    await words.fill('nobody asked for this');
    await endSession(page);
    await signInAgain(page);
    expect(await words.inputValue()).toBe('nobody asked for this');
    // Another person in the same tab finds nothing of the one before.
    expect(await drafts(page)).toHaveLength(1);
    provider.subject = 'subject-of-bob';
    await page.goto(`${workspace.publicUrl.origin}/signed-out`);
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByRole('button', { name: /Signed in as Bob/ }).waitFor();
    expect(await drafts(page)).toEqual([]);
    await context.close();
  });

  it('keeps the reason that was being typed when the session ended', async () => {
    provider.subject = 'subject-of-bob';
    const run = await says('alice', 'run the checks');
    const alice = 'alice' as PrincipalId;
    const { digest } = (await workspace.assistant.request(run!))!;
    const confirm = { request: run!, principal: alice, decision: 'confirm', digest } as const;
    await workspace.assistant.decide({ ...confirm, key: 'alice confirms' } as never);
    const { context, page } = await open(`/requests/${run}`);
    await signIn(page);
    await page.getByRole('button', { name: 'Deny' }).click();
    const reason = page.getByRole('textbox', { name: /Why not/ });
    await reason.fill('not during the freeze');
    await endSession(page);
    await signInAgain(page);
    expect(await reason.inputValue()).toBe('not during the freeze');
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('denied it: not during the freeze').waitFor();
    expect(await drafts(page)).toEqual([]);
    await context.close();
  });

  it('keeps nothing of somebody who signs out', async () => {
    const { context, page } = await open('/');
    await signIn(page);
    await page.getByRole('textbox', { name: 'Message to Countersign' }).fill('between you and me');
    expect(await drafts(page)).toHaveLength(1);
    await page.getByRole('button', { name: /Signed in as Alice/ }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    expect(await drafts(page)).toEqual([]);
    await context.close();
  });

  it('gives nobody a session again who left the directory', async () => {
    const { context, page } = await open('/mine');
    await signIn(page);
    await page.getByRole('button', { name: /Signed in as Alice/ }).waitFor();
    workspace.list([{ id: 'bob', subject: 'subject-of-bob' }]);
    await says('bob', 'hello');
    await nobody(page).getByRole('link', { name: 'Sign in' }).click();
    await signIn(page);
    await page.getByRole('heading', { name: 'You are not in the directory yet' }).waitFor();
    await page.screenshot({ path: join(PICTURES, 'sign-in-unknown-phone.png') });
    expect(await context.cookies()).toEqual([]);
    await context.close();
  });
});
