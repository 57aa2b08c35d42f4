/** The real product on a desk and on a phone, light and dark, with pictures of it to look at. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cardIn,
  isInSight,
  missingBrowser,
  overflowOf,
  type Screen,
  sayIn,
  seriousFindings,
  startBrowser,
  switchTo,
  visit,
} from '../support/browser.ts';
import { cutOffIn } from './look.ts';
import { openedAs, PATIENCE_MS, until } from './person.ts';
import { type Product, startProduct } from './product.ts';

const PICTURES = join(import.meta.dirname, '../../.build/screenshots');
const SCREENS: Required<Screen>[] = [
  { size: 'desktop', theme: 'light' },
  { size: 'desktop', theme: 'dark' },
  { size: 'phone', theme: 'light' },
  { size: 'phone', theme: 'dark' },
];
const LONG = `<b>VPN</b> down in ${'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch'.repeat(2)}`;

const title = missingBrowser === null ? 'what people see' : `what people see (${missingBrowser})`;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  let product: Product;
  let browser: Browser;
  beforeAll(async () => {
    await mkdir(PICTURES, { recursive: true });
    [product, browser] = await Promise.all([startProduct(), startBrowser()]);
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
  }, PATIENCE_MS);

  it.each(SCREENS)('fits, is accessible and keeps its buttons in sight: $size, $theme', async (screen) => {
    const { page, context, complaints } = await openedAs(browser, product.url, 'alice', screen);
    const isWhole = async (name: string, on: Page = page) => {
      await on.screenshot({ path: join(PICTURES, `real-${name}-${screen.size}-${screen.theme}.png`) });
      expect.soft(await overflowOf(on), `${name} scrolls sideways`).toBe(0);
      expect.soft(await cutOffIn(on), `${name} is cut off`).toEqual([]);
      expect.soft(await seriousFindings(on), name).toEqual([]);
    };
    const inSight = (name: string, on: Page = page) =>
      until(() => isInSight(cardIn(on).getByRole('button', { name }))).toBe(true);

    await page.getByText('Run a CI job', { exact: true }).waitFor();
    await isWhole('home');
    await sayIn(page, `open a ticket: ${LONG}`);
    await inSight('Confirm');
    await isWhole('ticket');
    await cardIn(page).getByRole('button', { name: 'Confirm' }).click();
    await cardIn(page).getByText('Done', { exact: true }).waitFor();
    await sayIn(page, 'run the checks');
    await page.getByRole('form', { name: 'Run a CI job' }).waitFor();
    await isWhole('question');
    await sayIn(page, 'web on main');
    await cardIn(page, 'Run a CI job').getByRole('button', { name: 'Confirm' }).waitFor();
    await inSight('Confirm');
    await isWhole('confirm');
    await cardIn(page, 'Run a CI job').getByRole('button', { name: 'Confirm' }).click();
    await cardIn(page, 'Run a CI job')
      .getByText(/Waiting for one approval from/)
      .waitFor();

    const bob = await context.newPage();
    await bob.goto(product.url);
    await switchTo(bob, 'bob');
    await visit(bob, '/waiting');
    await cardIn(bob).getByRole('button', { name: 'Approve' }).waitFor();
    await inSight('Approve', bob);
    await isWhole('waiting', bob);
    await cardIn(bob).getByRole('button', { name: 'Approve' }).click();
    await bob.getByText('Nothing waits for you').waitFor();
    await isWhole('nothing', bob);
    const card = cardIn(page, 'Run a CI job');
    await card.getByText('All checks passed').waitFor();
    await card.getByText('Done', { exact: true }).waitFor();
    await isWhole('done');
    await card.getByRole('link', { name: 'Open request' }).click();
    await page.locator('.panel .verified').waitFor();
    await isWhole('request');
    await page.getByRole('heading', { name: 'Proof' }).scrollIntoViewIfNeeded();
    await isWhole('proof');
    await visit(page, '/mine');
    await page
      .getByRole('link', { name: /Run a CI job/ })
      .first()
      .waitFor();
    await isWhole('mine');
    await visit(page, '/desk');
    await page.getByRole('article').first().waitFor();
    await isWhole('desk');
    expect(complaints).toEqual([]);

    await switchTo(bob, 'erin');
    await visit(bob, '/audit');
    await bob
      .getByRole('cell', { name: /execution.finished/ })
      .first()
      .waitFor();
    await isWhole('audit', bob);
    await visit(bob, '/operations');
    await bob.getByText('isolation of what runs').waitFor();
    await isWhole('operations', bob);
    await context.close();
  });
});
