/** The page on which one links a chat account to oneself, in a real browser. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClient } from '../../../adapters/web/build-client.ts';
import { missingBrowser, overflowOf, SIZES, seriousFindings, startBrowser } from '../../support/browser.ts';
import { useDatabase } from '../../support/database.ts';
import { memoryLinking } from '../../support/oidc/linking.ts';
import { startProvider, type TestProvider } from '../../support/oidc/provider.ts';
import { serveWorkspace, type Workspace } from '../../support/oidc/workspace.ts';

const BUILT = join(import.meta.dirname, '../../../.build/web-of-link-tests');
const PICTURES = join(import.meta.dirname, '../../../.build/screenshots');
/** A browser on a busy machine is slow, in milliseconds. */
const PATIENCE_MS = 90_000;

const title = missingBrowser === null ? 'linking' : `linking (${missingBrowser})`;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  const database = useDatabase();
  let browser: Browser;
  let provider: TestProvider;
  let workspace: Workspace;
  const world = memoryLinking(() => workspace.assistant);

  beforeAll(async () => {
    await buildClient({ outFolder: BUILT });
    await mkdir(PICTURES, { recursive: true });
    provider = await startProvider();
    provider.subject = 'subject-of-alice';
    browser = await startBrowser();
    workspace = await serveWorkspace({
      db: database.db,
      issuer: provider.issuer,
      people: [{ id: 'alice', subject: 'subject-of-alice' }],
      clientFolder: BUILT,
      linking: world.linking,
    });
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await workspace?.close();
    await provider?.stop();
  });

  it('shows a code to send, then who sent it, and links nothing without a yes', async () => {
    const context = await browser.newContext({ viewport: SIZES.phone, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(workspace.publicUrl.origin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: /Signed in as Alice/ }).click();
    await page.getByRole('menuitem', { name: 'Link a chat account' }).click();
    await page.getByRole('heading', { name: 'Link a chat account' }).waitFor();
    await page.getByRole('button', { name: 'Get a code' }).click();
    await page.getByText('link abcd-efgh-jkmn-pqrs').waitFor();
    await page.screenshot({ path: join(PICTURES, 'link-code-phone.png') });

    const me = { principal: 'alice' as never, issuer: provider.issuer, subject: 'subject-of-alice' };
    const account = { platform: 'slack' as const, enterprise: 'E0ORG', team: 'T0ACME', user: 'UNEW' };
    world.send(me, account, 'Bob\u202eecila <b>');
    const question = page.getByRole('alert', { name: 'Is this account yours?' });
    await question.waitFor();
    const text = await question.innerText();
    for (const shown of ['E0ORG', 'T0ACME', 'UNEW', 'Its name, says Slack', '<b>'])
      expect(text).toContain(shown);
    // What turns the reading direction is shown as what it is.
    expect(text).not.toContain('\u202e');
    expect(await page.getByText('link abcd-efgh-jkmn-pqrs').count()).toBe(0);
    await page.screenshot({ path: join(PICTURES, 'link-question-phone.png'), fullPage: true });
    expect(await seriousFindings(page)).toEqual([]);
    expect(await overflowOf(page)).toBe(0);
    await question.getByRole('button', { name: 'No, it is not mine' }).click();
    await page.getByText('None. Accounts that your operators linked').waitFor();

    world.send(me, account, 'Al');
    await question.getByRole('button', { name: 'Yes, link it to me' }).click();
    const unlink = page.getByRole('button', { name: 'Unlink Slack, UNEW' });
    await unlink.waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await unlink.click();
    await page.getByText('None. Accounts that your operators linked').waitFor();
    expect(world.calls.map(({ did }) => did)).toEqual(['begin', 'no', 'yes', 'remove']);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
