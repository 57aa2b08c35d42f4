/** A newcomer's two minutes: the real product, a real browser, and everything between them. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  cardIn,
  missingBrowser,
  openPage,
  sayIn,
  startBrowser,
  switchTo,
  visit,
} from '../support/browser.ts';
import { openedAs, outputsSeen, PATIENCE_MS, startWatchingOutput, until } from './person.ts';
import { type Product, startProduct } from './product.ts';

const PLANTED = `<img src=x onerror="document.title='owned'"> printer`;

const title = missingBrowser === null ? 'a newcomer' : `a newcomer (${missingBrowser})`;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  let product: Product;
  let browser: Browser;
  beforeAll(async () => {
    [product, browser] = await Promise.all([startProduct(), startBrowser()]);
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  }, PATIENCE_MS);

  it('gets a ticket opened with a sentence and a tap', async () => {
    const { page, context, complaints } = await openPage(browser, product.url);
    await page.getByRole('heading', { name: 'What do you need, Alice?' }).waitFor();
    await sayIn(page, 'the VPN is down for the Berlin office, please open a ticket');
    const card = cardIn(page, 'Open a ticket');
    await card.getByText('the VPN is down for the Berlin office', { exact: true }).waitFor();
    await card.getByRole('button', { name: 'Confirm' }).click();
    await card.getByText('Done', { exact: true }).waitFor();
    await visit(page, '/desk');
    const ticket = page.getByRole('article', { name: /^Ticket/ }).first();
    await ticket.getByText('the VPN is down for the Berlin office').waitFor();
    await ticket.getByText('Opened for alice').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('has checks run by a colleague’s approval, sees them run, and can check the log of it', async () => {
    const { page, context, complaints } = await openPage(browser, product.url);
    await sayIn(page, 'run the checks of web on main');
    const card = cardIn(page, 'Run a CI job');
    for (const shown of [
      'checks (Checks of the project)',
      /^[0-9a-f]{40} \(main now\)$/,
      'sh checks',
      'Medium risk',
    ]) {
      await card.getByText(shown).waitFor();
    }
    await card.getByRole('button', { name: 'Confirm' }).click();
    await card.getByText(/Waiting for one approval from/).waitFor();
    expect(await card.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    await startWatchingOutput(page);

    // Another tab is another person; the first one stays alice.
    const tab = await context.newPage();
    await tab.goto(product.url);
    await switchTo(tab, 'bob');
    await tab.getByRole('link', { name: /One request waits for you/ }).click();
    await cardIn(tab, 'Run a CI job').getByRole('button', { name: 'Approve' }).click();

    await card.getByText('All checks passed').waitFor();
    await card.getByText('Done', { exact: true }).waitFor();
    await card.getByText('Approved by Bob Brown').waitFor();
    await page
      .getByRole('log')
      .getByText(/Bob Brown approved/)
      .waitFor();
    const growing = (await outputsSeen(page)).filter((text) => !text.includes('All checks passed'));
    expect(growing.length, 'the output was seen only when all of it was there').toBeGreaterThan(0);

    await card.getByRole('link', { name: 'Open request' }).click();
    await page.getByRole('heading', { name: 'What happened' }).waitFor();
    const types = () => page.locator('.timeline .chip').allTextContents();
    await until(types).toEqual(
      expect.arrayContaining([
        'proposal.made',
        'decision.made',
        'request.confirmed',
        'approval.asked',
        'approval.given',
        'execution.started',
        'egress.called',
        'execution.finished',
        'reply.sent',
      ]),
    );
    // Looked at as it stands at one moment: more may be written meanwhile.
    const unhashed = () =>
      page
        .locator('.timeline > li')
        .evaluateAll((entries) => entries.filter((one) => !one.querySelector('.hash')).length);
    await until(unhashed).toBe(0);
    expect(await page.locator('.timeline .hash').count()).toBeGreaterThan(0);
    await page.locator('.panel .verified', { hasText: /verified · \d+ entries/ }).waitFor();

    const told = await product.command('audit', 'verify');
    expect(told).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^verified: \d+ entries/) });
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('is asked for what is missing, and can fill it in: the form is the confirmation', async () => {
    const { page, context } = await openPage(browser, product.url);
    await sayIn(page, 'run the checks');
    await page.getByText('I still need the repo and the ref').waitFor();
    const form = page.getByRole('form', { name: 'Run a CI job' });
    await form.getByLabel('Repository').fill('web');
    await form.getByLabel('Branch, tag or commit').fill('main');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByRole('button', { name: 'Sent' }).waitFor();
    const card = cardIn(page, 'Run a CI job');
    await card.getByText(/Waiting for one approval from/).waitFor();
    expect(await card.getByRole('button', { name: 'Confirm' }).count()).toBe(0);
    await card.getByRole('button', { name: 'Cancel request' }).click();
    await card.getByText('Cancelled', { exact: true }).waitFor();
    await context.close();
  });

  it('answers the question in words as well', async () => {
    const { page, context } = await openPage(browser, product.url);
    await sayIn(page, 'run the checks');
    await page.getByText('I still need the repo and the ref').waitFor();
    await sayIn(page, 'web on main');
    const card = cardIn(page, 'Run a CI job');
    await card.getByRole('button', { name: 'Confirm' }).waitFor();
    await card.getByRole('button', { name: 'Cancel request' }).click();
    await card.getByText('Cancelled', { exact: true }).waitFor();
    await context.close();
  });

  it('reads markup as text wherever it shows', async () => {
    const { page, context, complaints } = await openPage(browser, product.url);
    const isText = async (path: string) => {
      await page.getByText('<img src=x onerror=').first().waitFor();
      expect(await page.locator('img').count(), path).toBe(0);
      expect(await page.title(), path).not.toContain('owned');
    };
    await sayIn(page, `open a ticket: ${PLANTED}`);
    const card = cardIn(page, 'Open a ticket');
    await card.getByText(PLANTED, { exact: true }).first().waitFor();
    await isText('the card');
    await card.getByRole('button', { name: 'Confirm' }).click();
    await card.getByText('Done', { exact: true }).waitFor();
    const request = await card.getByRole('link', { name: 'Open request' }).getAttribute('href');
    for (const path of ['/mine', '/desk', '/threads', request as string]) {
      await page.goto(product.url + path);
      await isText(path);
    }
    await page.goto(`${product.url}/audit`);
    await switchTo(page, 'erin');
    await page
      .getByRole('cell', { name: /execution.finished/ })
      .first()
      .waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).not.toContain('owned');
    // Alice may not read the log, and the browser notes the refusal.
    expect(complaints.filter((text) => !text.includes('403'))).toEqual([]);
    await context.close();
  });

  it('needs two others for production; nobody who asks counts', async () => {
    const alice = await openedAs(browser, product.url, 'alice');
    await sayIn(alice.page, 'run the release of web on main');
    const asked = cardIn(alice.page, 'Run a CI job');
    await asked.getByText('High risk').waitFor();
    await asked.getByRole('button', { name: 'Confirm' }).click();
    await asked.getByText(/Waiting for (2|two) approvals from/).waitFor();
    expect(await asked.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    const approveAs = async (person: string) => {
      const { page, context } = await openedAs(browser, product.url, person);
      await visit(page, '/waiting');
      const card = cardIn(page, 'Run a CI job');
      await card.getByText('High risk').waitFor();
      await card.getByRole('button', { name: 'Approve' }).click();
      return { page, context };
    };
    const bob = await approveAs('bob');
    // His part is done: it waits for somebody else now.
    await bob.page.getByText('Nothing waits for you').waitFor();
    await asked.getByText('Waiting for one more approval').waitFor();
    const carol = await approveAs('carol');
    await Promise.all([bob, carol].map(({ page }) => page.getByText('Nothing waits for you').waitFor()));
    await Promise.all([bob, carol].map(({ context }) => context.close()));
    await asked.getByText('Released').first().waitFor();
    await asked.getByText('Approved by Bob Brown').waitFor();
    await asked.getByText('Approved by Carol Clark').waitFor();
    await alice.context.close();
  });

  it('never approves a second request with the second half of a double click', async () => {
    const alice = await openedAs(browser, product.url, 'alice');
    for (const job of ['checks', 'release']) {
      await sayIn(alice.page, `ci trigger repo=web ref=main job=${job}`);
      await cardIn(alice.page, 'Run a CI job').getByText(`Run ${job} of web`).waitFor();
    }
    const { page, context } = await openedAs(browser, product.url, 'bob');
    await visit(page, '/waiting');
    const cards = page.getByRole('article', { name: 'Run a CI job' });
    await until(() => cards.getByText(/^Run \w+ of web/).allTextContents()).toEqual([
      expect.stringContaining('Run release'),
      expect.stringContaining('Run checks'),
    ]);
    const decided: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/decisions')) decided.push(request.postData() ?? '');
    });
    const approve = cards.first().getByRole('button', { name: 'Approve' });
    const box = await vi.waitUntil(() => approve.boundingBox(), { timeout: PATIENCE_MS, interval: 100 });
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await cards.first().getByRole('button', { name: 'Deny' }).click();
    await page.getByRole('textbox', { name: /Why not/ }).fill('not on a Friday');
    await cards.first().getByRole('button', { name: 'Deny' }).click();
    await alice.page.getByText('Bob Brown denied').first().waitFor();
    expect(decided).toEqual([expect.stringContaining('"deny"')]);
    await until(() => cards.count()).toBe(1);
    await cards.first().getByRole('button', { name: 'Deny' }).click();
    await cards.first().getByRole('button', { name: 'Deny' }).click();
    await page.getByText('Nothing waits for you').waitFor();
    await Promise.all([alice.context.close(), context.close()]);
  });

  it('is told at once, in words, what nobody could approve and who could ask instead', async () => {
    const { page, context } = await openedAs(browser, product.url, 'bob');
    await sayIn(page, 'run the release of web on main');
    await page
      .getByText(/only one other approver exists: Carol Clark\. Alice Adams could ask/)
      .first()
      .waitFor();
    await context.close();
  });

  it('sees everything stop when an operator throws the switch, and start again', async () => {
    const alice = await openedAs(browser, product.url, 'alice');
    await sayIn(alice.page, 'run the checks of web on main');
    const card = cardIn(alice.page, 'Run a CI job');
    await card.getByRole('button', { name: 'Confirm' }).click();
    await card.getByText(/Waiting for one approval from/).waitFor();

    const erin = await openedAs(browser, product.url, 'erin');
    await sayIn(erin.page, 'kill on reason=drill');
    await erin.page
      .getByText(/The kill switch is on for everything\. \d+ pending requests? (was|were) cancelled\./)
      .waitFor();
    try {
      await card.getByText('Cancelled', { exact: true }).waitFor();
      await card.getByText(/drill/).first().waitFor();
      // Nothing is left to decide; that something looks wrong can always be said.
      await until(() => card.getByRole('button').allInnerTexts()).toEqual(['Report']);
      await visit(erin.page, '/operations');
      await erin.page.getByRole('listitem').filter({ hasText: 'everything' }).getByText('stopped').waitFor();
      await sayIn(alice.page, 'run the checks of web on main');
      await alice.page.getByText('I am switched off at the moment: drill').waitFor();
    } finally {
      await visit(erin.page, '/');
      await sayIn(erin.page, 'kill off reason=over');
      await erin.page.getByText('The kill switch is off for everything.').waitFor();
    }
    await sayIn(alice.page, 'run the checks of web on main');
    const again = cardIn(alice.page, 'Run a CI job');
    await again.getByRole('button', { name: 'Cancel request' }).click();
    await Promise.all([alice.context.close(), erin.context.close()]);
  });
});
