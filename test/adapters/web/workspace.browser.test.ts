/** The workspace in a real browser, against the adapter and a small assistant in memory. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClient } from '../../../adapters/web/build-client.ts';
import type { PrincipalId, RequestId, ThreadId } from '../../../src/model/ids.ts';
import {
  cardIn,
  isInSight,
  missingBrowser,
  openPage,
  overflowOf,
  type Screen,
  sayIn,
  seriousFindings,
  startBrowser,
  switchTo,
  visit,
} from '../../support/browser.ts';
import { WebAssistant } from '../../support/web-assistant.ts';
import { REPORT } from '../../support/web-samples.ts';
import { ask, post, type Served, serveWeb } from '../../support/web-server.ts';

const BUILT = join(import.meta.dirname, '../../../.build/web-of-tests');
const PICTURES = join(import.meta.dirname, '../../../.build/screenshots');
const SCREENS: Required<Screen>[] = [
  { size: 'desktop', theme: 'light' },
  { size: 'desktop', theme: 'dark' },
  { size: 'phone', theme: 'light' },
  { size: 'phone', theme: 'dark' },
];
const PLANTED = '<img src=x onerror="document.title=\'owned\'"> the VPN is down';

const title = missingBrowser === null ? 'the workspace' : `the workspace (${missingBrowser})`;

/** A browser on a busy machine is slow, in milliseconds. */
const PATIENCE_MS = 90_000;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  let browser: Browser;
  let assistant: WebAssistant;
  let server: Served;

  beforeAll(async () => {
    await buildClient({ outFolder: BUILT });
    await mkdir(PICTURES, { recursive: true });
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    assistant = new WebAssistant();
    const ticket = {
      number: 7,
      title: PLANTED,
      status: 'open',
      requester: 'alice',
      createdAt: new Date().toISOString(),
      description: PLANTED,
      priority: 'high',
      comments: [{ author: 'bob', text: PLANTED, at: new Date().toISOString() }],
    };
    server = await serveWeb({ assistant, clientFolder: BUILT, desk: { list: async () => [ticket] } });
  });
  afterEach(() => server.close());

  const picture = (page: Page, name: string, { size, theme }: Required<Screen>) =>
    page.screenshot({ path: join(PICTURES, `${name}-${size}-${theme}.png`) });

  /** Alice asks for a run and confirms it, over the API. */
  async function askedForRun(text = 'run the checks of web on main') {
    const headers = { 'x-countersign-as': 'alice' };
    const said = await post(server.port, '/api/workspace/messages', { text }, headers);
    const { thread } = said.body as { thread: string };
    const messages = await ask(server.port, `/api/workspace/threads/${thread}`, { headers });
    const card = (messages.body as { card: { request: RequestId; digest: string } | null }[]).at(-1)?.card;
    if (!card) throw new Error('no card');
    const decision = { decision: 'confirm', digest: card.digest };
    await post(server.port, `/api/workspace/requests/${card.request}/decisions`, decision, headers);
    return { thread, request: card.request };
  }

  it('carries the newcomer from a sentence to a verified run', async () => {
    const { page, context, complaints } = await openPage(browser, server.url);
    await sayIn(page, 'run the checks of web on main');
    await cardIn(page, 'Run a CI job').getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Waiting for one approval from oncall').waitFor();

    await switchTo(page, 'bob');
    await visit(page, '/waiting');
    await cardIn(page).getByRole('button', { name: 'Approve' }).click();
    await page.getByText('Nothing waits for you').waitFor();

    await switchTo(page, 'alice');
    await visit(page, '/mine');
    await page.getByRole('link', { name: /Run a CI job/ }).click();
    await page.getByText('Running, approved by Bob Brown').waitFor();
    const request = new URL(page.url()).pathname.split('/')[2] as RequestId;
    assistant.progress(request, 'lint: 0 problems');
    await page.getByText('lint: 0 problems').waitFor();
    assistant.finish(request);
    await page.getByText('The checks passed in 42 seconds.').waitFor();
    await page.getByText('verified', { exact: true }).first().waitFor();
    await page.getByText(`npx countersign evidence ${request}`).waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('lets a request be changed in its form, and refuses the form of what somebody changed meanwhile', async () => {
    const { page, context, complaints } = await openPage(browser, server.url);
    await sayIn(page, 'the printer burns, a ticket please');
    const card = cardIn(page, 'Open a ticket');
    await card.getByRole('button', { name: 'Edit', exact: true }).click();
    const field = card.getByRole('textbox', { name: /title/i });
    expect(await field.inputValue()).toBe('the printer burns, a ticket please');
    await card.getByText('Whoever changes a request asks for it too').waitFor();
    await card.getByRole('button', { name: 'Back' }).click();
    await card.getByRole('button', { name: 'Edit', exact: true }).click();
    await field.fill('The printer on floor 3 burns');
    await card.getByRole('button', { name: 'Save the change' }).click();
    await card.getByText('The printer on floor 3 burns').waitFor();
    const kept = await assistant.mine('alice' as PrincipalId);
    const { request, digest } = kept[0]!.card!;

    await card.getByRole('button', { name: 'Edit', exact: true }).click();
    await field.fill('Mine');
    // What the page hears of is shown at once; here the change is stored before it hears.
    await page.route('**/edits', async (route) => {
      const change = { request, principal: 'bob' as PrincipalId, digest, arguments: { title: 'His' } };
      await assistant.edit(change);
      await route.continue();
    });
    await card.getByRole('button', { name: 'Save the change' }).click();
    await page
      .getByText(/Somebody changed it meanwhile|His/)
      .first()
      .waitFor();
    const now = (await assistant.mine('alice' as PrincipalId))[0]!.card!;
    expect(now.arguments).toMatchObject([{ value: 'His' }]);
    expect(complaints.filter((text) => !text.includes('409'))).toEqual([]);
    await context.close();
  });

  it('tells whoever comes for the first time what is recorded, until they have read it', async () => {
    assistant.newcomers.add('alice');
    const { page, context, complaints } = await openPage(browser, server.url);
    const notice = page.getByRole('complementary', { name: 'First contact' });
    await notice.getByText('I record what you write').waitFor();
    await visit(page, '/waiting');
    await notice.getByRole('link', { name: 'What Countersign records' }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await notice.getByRole('button', { name: 'I have read it' }).click();
    await notice.waitFor({ state: 'detached' });
    await page.reload();
    await page.getByText('Nothing waits for you').waitFor();
    expect(await notice.count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('hands a request over to whom somebody chose from the list, and says what became of it', async () => {
    const { page, context, complaints } = await openPage(browser, server.url);
    const { request } = await askedForRun();
    await switchTo(page, 'bob');
    await visit(page, '/waiting');
    const card = cardIn(page, 'Run a CI job');
    await card.getByRole('button', { name: 'Hand over' }).click();
    await card.getByRole('button', { name: 'Back' }).click();
    await card.getByRole('button', { name: 'Hand over' }).click();
    await card.getByRole('combobox', { name: /Who should decide it/ }).selectOption('carol');
    await card.getByRole('button', { name: 'Hand over' }).click();
    await card.getByRole('status').getByText('is asked now').waitFor();
    expect(assistant.handedOver).toMatchObject([{ request, principal: 'bob', to: 'carol' }]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('takes back what was done by one tap, and passes a report on, from the card', async () => {
    const { page, context, complaints } = await openPage(browser, server.url);
    await sayIn(page, 'the blinds are stuck, a ticket please');
    const card = cardIn(page, 'Open a ticket');
    await card.getByRole('button', { name: 'Confirm' }).click();
    const undo = card.getByRole('button', { name: 'Undo', exact: true });
    await undo.waitFor();
    await card.getByRole('button', { name: 'Report', exact: true }).click();
    await card.getByRole('textbox', { name: /What looks wrong/ }).fill('I never asked for this');
    await card.getByRole('button', { name: 'Send report' }).click();
    await card.getByRole('status').getByText('Thank you').waitFor();
    const { request } = (await assistant.mine('alice' as PrincipalId))[0]!.card!;
    const said = () =>
      assistant.deliveries.map(({ content }) => (content.kind === 'message' ? content.text : ''));
    expect(said()).toContain(`report ${request} I never asked for this`);
    expect(said().some((text) => text.startsWith('undo'))).toBe(false);

    await page.reload();
    await undo.click();
    await page.getByText('Close a ticket: on its way.').waitFor();
    expect(said().filter((text) => text === `undo ${request}`)).toHaveLength(1);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it.each(SCREENS)('reads well and is accessible: $size, $theme', async (screen) => {
    const { request, thread } = await askedForRun();
    await askedForRun(`run ${'the very long list of checks '.repeat(40)}`);
    await post(
      server.port,
      '/api/workspace/messages',
      { text: PLANTED, thread },
      { 'x-countersign-as': 'alice' },
    );
    await post(
      server.port,
      '/api/workspace/messages',
      { text: 'a form please', thread },
      { 'x-countersign-as': 'alice' },
    );
    const { page, context, complaints } = await openPage(browser, server.url, screen);
    const check = async (name: string) => {
      await picture(page, name, screen);
      expect(await overflowOf(page), `${name} scrolls sideways`).toBe(0);
      expect(await seriousFindings(page), name).toEqual([]);
    };
    await page.getByText('Open a ticket', { exact: true }).waitFor();
    await check('home');
    await page.goto(`${server.url}/threads/${thread}`);
    await page.getByRole('button', { name: 'Send', exact: true }).first().waitFor();
    await check('conversation');
    await switchTo(page, 'bob');
    await visit(page, '/waiting');
    const approve = page.getByRole('button', { name: 'Approve' });
    await approve.first().waitFor();
    await check('waiting');
    await expect.poll(() => isInSight(approve.first())).toBe(true);
    await cardIn(page).getByRole('button', { name: 'Approve' }).click();
    await expect.poll(() => approve.count()).toBe(1);
    for (let line = 1; line <= 40; line++) assistant.progress(request, `ok ${line} - a check that passes`);
    await page.goto(`${server.url}/requests/${request}`);
    await page.getByText('ok 40').waitFor();
    assistant.finish(request);
    await page.getByText('The checks passed in 42 seconds.').waitFor();
    await check('request');
    await page.getByRole('heading', { name: 'Proof' }).scrollIntoViewIfNeeded();
    await picture(page, 'proof', screen);
    await visit(page, '/desk');
    await page.getByRole('article', { name: 'Ticket 7' }).waitFor();
    await check('desk');
    await switchTo(page, 'alice');
    await visit(page, '/mine');
    await page.getByText('Run a CI job').first().waitFor();
    await check('mine');
    await visit(page, '/audit');
    await page.getByText('not yours to read').waitFor();
    assistant.reported.push(REPORT);
    await switchTo(page, 'erin');
    await page.getByRole('cell', { name: /execution.finished/ }).waitFor();
    await check('audit');
    await visit(page, '/operations');
    await page.getByText('runner is being moved').waitFor();
    await page.getByText('why is it run at night?').waitFor();
    await page.getByText('Dave Davis (dave)').waitFor();
    await check('operations');
    await page.getByRole('button', { name: /Switch person/ }).click();
    await page.getByRole('menuitem').first().waitFor();
    await check('people');
    expect(complaints.filter((text) => !text.includes('403'))).toEqual([]);
    await context.close();
  });

  it.each(['desktop', 'phone'] as const)(
    'asks what one thinks of a model’s answer, on a %s',
    async (size) => {
      const screen = { size, theme: 'light' } as const;
      const { page, context, complaints } = await openPage(browser, server.url, screen);
      await sayIn(page, 'hello');
      await page.getByText('Written by the model').waitFor();
      expect(await overflowOf(page)).toBe(0);
      await page.getByRole('button', { name: 'Good answer' }).waitFor();
      await picture(page, 'thumbs', screen);
      await page.getByRole('button', { name: 'Bad answer' }).click();
      await page.getByRole('textbox', { name: 'What was wrong with it?' }).fill('There is no such job.');
      expect(await seriousFindings(page)).toEqual([]);
      await picture(page, 'judgement', screen);
      const tries: (string | undefined)[] = [];
      await page.route('**/judgements', (route) => {
        tries.push(route.request().headers()['idempotency-key']);
        return tries.length === 1 ? route.fulfill({ status: 503, json: {} }) : route.continue();
      });
      await page.getByRole('button', { name: 'Send: bad answer' }).click();
      await page.getByRole('alert').waitFor();
      await page.getByRole('button', { name: 'Send: bad answer' }).click();
      await page.getByText('Thank you. It is recorded.').waitFor();
      expect(tries).toEqual([expect.any(String), tries[0]]);
      expect(assistant.judgements).toMatchObject([
        { principal: 'alice', positive: false, words: 'There is no such job.' },
      ]);
      expect(complaints.filter((text) => !text.includes('503'))).toEqual([]);
      await context.close();
    },
  );

  it('shows what people and outsiders wrote as text, never as markup', async () => {
    await askedForRun(`run ${PLANTED}`);
    const { page, context, complaints } = await openPage(browser, server.url);
    for (const path of ['/mine', '/desk']) {
      await visit(page, path);
      await page.getByText('<img src=x onerror=').first().waitFor();
    }
    await page.goto(`${server.url}/threads`);
    await page.getByRole('main').getByText('<img src=x onerror=').click();
    await cardIn(page).getByText('<img src=x onerror=').waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).not.toContain('owned');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('refuses markup even where script writes it, and every script that is not ours', async () => {
    const { page, context } = await openPage(browser, server.url);
    const refused = await page.evaluate(() => {
      const box = document.body.appendChild(document.createElement('div'));
      try {
        box.innerHTML = '<b>no</b>';
      } catch (error) {
        return String(error);
      }
      return box.innerHTML;
    });
    expect(refused).toContain('markup is never written into this page');
    const ran = await page.evaluate(() => {
      const button = document.body.appendChild(document.createElement('button'));
      try {
        button.setAttribute('onclick', 'window.ran = true');
      } catch {
        // Trusted Types refuse the attribute itself; without them the policy refuses to run it.
      }
      button.click();
      return 'ran' in window;
    });
    expect(ran).toBe(false);
    await context.close();
  });

  it('shows a new card from its beginning on a phone, with its buttons in sight', async () => {
    const { page, context } = await openPage(browser, server.url, { size: 'phone' });
    for (const text of ['hello', 'hello again', `run ${'the checks of web on main, '.repeat(30)}`]) {
      await sayIn(page, text);
      await page.getByRole('log').getByText(text.slice(0, 40)).first().waitFor();
    }
    const card = cardIn(page, 'Run a CI job');
    const confirm = card.getByRole('button', { name: 'Confirm' });
    await confirm.waitFor();
    const inSight = () => Promise.all([card.getByRole('heading').first(), confirm].map(isInSight));
    await expect.poll(inSight).toEqual([true, true]);
    await context.close();
  });

  it('asks why when somebody denies, and tells the requester', async () => {
    const { request } = await askedForRun();
    const { page, context } = await openPage(browser, `${server.url}/requests/${request}`);
    await switchTo(page, 'bob');
    await cardIn(page).getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('textbox', { name: /Why not/ }).fill('not during the freeze');
    await cardIn(page).getByRole('button', { name: 'Deny' }).click();
    await page.getByText('Bob Brown denied it: not during the freeze').waitFor();
    await context.close();
  });

  it('says that a request has moved on, and shows it as it is now', async () => {
    const { request } = await askedForRun();
    const { page, context } = await openPage(browser, server.url);
    await switchTo(page, 'bob');
    await visit(page, '/waiting');
    const approve = cardIn(page).getByRole('button', { name: 'Approve' });
    await approve.waitFor();
    await page.route('**/decisions', async (route) => {
      const body = { ...(route.request().postDataJSON() as object), digest: 'of an older rendering' };
      await route.continue({ postData: JSON.stringify(body) });
    });
    await approve.click();
    await page.getByText('This request has moved on').waitFor();
    expect((await assistant.request(request))?.state).toBe('pending');
    await context.close();
  });

  it('fills a form from the schema; sending it is the confirmation', async () => {
    const { page, context } = await openPage(browser, `${server.url}/new/ticket.create`);
    await page.getByLabel('Title').fill('VPN down in Berlin');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Ticket 7 is open.').waitFor();
    expect(assistant.deliveries.at(-1)?.content).toEqual({
      kind: 'form',
      action: 'ticket.create',
      arguments: { title: 'VPN down in Berlin', urgency: 'low', seats: 3, notify: true },
    });
    await context.close();
  });

  it('says of a form in a conversation which one it is that was sent', async () => {
    const { page, context } = await openPage(browser, server.url);
    await page.getByRole('textbox', { name: 'Message to Countersign' }).fill('a form, please');
    await page.keyboard.press('Enter');
    await page.getByLabel('Title').fill('VPN down in Berlin');
    const thread = page.url().split('/').at(-1) as ThreadId;
    const messages = await assistant.messages(thread, 'alice' as PrincipalId);
    const asked = messages?.find(({ form }) => form !== null);
    await page.locator('form.action-form').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Ticket 7 is open.').waitFor();
    expect(assistant.deliveries.at(-1)?.content).toMatchObject({ kind: 'form', message: asked!.id });
    await context.close();
  });

  it('works by keyboard alone', async () => {
    const { page, context } = await openPage(browser, server.url);
    await page.getByRole('textbox', { name: 'Message to Countersign' }).focus();
    await page.keyboard.type('please open a ticket');
    await page.keyboard.press('Enter');
    const confirm = cardIn(page).getByRole('button', { name: 'Confirm' });
    await confirm.waitFor();
    await confirm.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Ticket 7 is open.').waitFor();
    await page.goto(server.url);
    await page.getByRole('banner').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
    await context.close();
  });

  it('finds its way back after the stream of changes broke', async () => {
    const { request } = await askedForRun();
    const { page, context } = await openPage(browser, `${server.url}/requests/${request}`);
    await page.getByText('Waiting for one approval').waitFor();
    await context.setOffline(true);
    server.dropConnections();
    await page.getByText('Connecting…').waitFor();
    await post(server.port, `/api/local/requests/${request}/decisions`, {
      principal: 'bob',
      decision: 'deny',
      digest: (await assistant.request(request))?.digest,
      reason: 'freeze',
    });
    await context.setOffline(false);
    await page.getByText('Bob Brown denied it: freeze').waitFor();
    await context.close();
  });
});
