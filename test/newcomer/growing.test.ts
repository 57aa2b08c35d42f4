/** A model's answer in the workspace, as somebody with a model's address in their environment sees it come. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cardIn,
  isInSight,
  missingBrowser,
  overflowOf,
  SIZES,
  sayIn,
  seriousFindings,
  startBrowser,
} from '../support/browser.ts';
import { ModelServer } from '../support/model-server.ts';
import { openedAs, PATIENCE_MS, until } from './person.ts';
import { type Product, startProduct } from './product.ts';

const PICTURES = join(import.meta.dirname, '../../.build/screenshots');
const BEGINS =
  'The gateway in Berlin is slow since this morning, and the network team has been told about it. They expect';
const ENDS = ' it to be back by noon, and nobody has to do anything until then.';
/** What can be told while the last words could still become something else. */
const SHOWN = 'The gateway in Berlin is slow since this morning, and the network team has been told';
const GROWING = 'The model is writing this';

const title = missingBrowser === null ? 'an answer that grows' : `an answer that grows (${missingBrowser})`;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  let model: ModelServer;
  let product: Product;
  let browser: Browser;
  beforeAll(async () => {
    model = await ModelServer.start();
    const settings = { OPENAI_BASE_URL: model.url, OPENAI_MODEL: 'pinned', OPENAI_API_KEY: 'none' };
    [product, browser] = await Promise.all([startProduct(settings), startBrowser()]);
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await product?.stop();
    await model?.stop();
  }, PATIENCE_MS);

  it('shows its words while they are written, and then the stored answer with its sources instead', async () => {
    const { page, context, complaints } = await openedAs(browser, product.url, 'alice');
    await sayIn(page, 'ticket create title="VPN down" description="since nine"');
    const opened = page.getByText(/Ticket T-[0-9]+/).first();
    await opened.waitFor();
    const [ticket] = /T-[0-9]+/.exec((await opened.textContent())!)!;

    model.script(
      { calls: { name: 'ticket_status', arguments: { ticket } } },
      { says: BEGINS, holds: true, rest: ENDS },
    );
    await sayIn(page, `how is the gateway in Berlin, see ${ticket}?`);
    await page.getByText(GROWING).waitFor();
    expect(await page.getByText(SHOWN).count()).toBe(1);
    expect(await page.getByText('back by noon').count()).toBe(0);
    expect(await page.getByRole('list', { name: 'Sources' }).count()).toBe(0);

    model.go();
    await page.getByText(`${BEGINS}${ENDS}`, { exact: true }).waitFor();
    await until(() => page.getByText(GROWING).count()).toBe(0);
    expect(await page.getByText(SHOWN).count()).toBe(1);
    expect(await page.getByText('Written by the model').count()).toBe(1);
    const sources = page.getByRole('list', { name: 'Sources' });
    expect(await sources.textContent()).toMatch(new RegExp(`Look at a ticket: .*${ticket}`));

    await page.reload();
    await page.getByText(`${BEGINS}${ENDS}`, { exact: true }).waitFor();
    expect(await page.getByText(GROWING).count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('is dropped by Stop, with what waited for a decision there, also by a page that was opened meanwhile', async () => {
    const { page, context, complaints } = await openedAs(browser, product.url, 'alice');
    const stop = page.getByRole('button', { name: 'Stop' });
    await sayIn(page, 'ci trigger repo=web ref=main job=checks');
    const card = cardIn(page, 'Run a CI job');
    await card.getByRole('button', { name: 'Cancel request' }).waitFor();
    await until(() => stop.count()).toBe(0);

    model.script({ says: BEGINS, holds: true, rest: ENDS });
    await sayIn(page, 'how is the gateway in Berlin?');
    await page.getByText(GROWING).waitFor();
    // Somebody who opens the conversation only now can stop it too.
    await page.reload();
    await stop.waitFor();
    await mkdir(PICTURES, { recursive: true });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await until(() => isInSight(stop)).toBe(true);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      await page.screenshot({ path: join(PICTURES, `stop-${size}-light.png`) });
    }
    expect(await seriousFindings(page)).toEqual([]);
    await stop.click();
    await page
      .getByText('Stopped, as you asked. One request that had not begun is cancelled.', { exact: true })
      .waitFor();
    await until(() => stop.count()).toBe(0);
    await card.getByText('Cancelled by Alice Adams.').first().waitFor();
    expect(await page.getByText(GROWING).count()).toBe(0);
    model.go();
    await sayIn(page, 'whoami');
    await page.getByText('You are Alice Adams').waitFor();
    expect(await page.getByText(SHOWN).count(), 'nothing of it comes after all').toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });
});
