/** The workspace's card of any request, in a real browser. */
import path from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legible } from '../../../src/surface/unseen.ts';
import { missingBrowser, startBrowser } from '../../support/browser.ts';
import { cardOf, hostileRequests, timesIn } from '../../support/hostile-requests.ts';

/** A browser on a busy machine is slow, in milliseconds. */
const PATIENCE_MS = 120_000;
/** What a card is made of. */
const ELEMENTS =
  /^(?:article|header|footer|section|figure|figcaption|blockquote|div|p|h[34]|dl|dt|dd|ul|li|span|strong|bdi|time|pre|code|button|svg|path|circle|details|summary)$/;

const title = missingBrowser === null ? 'a card' : `a card (${missingBrowser})`;

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  let browser: Browser;
  let page: Page;
  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [path.join(import.meta.dirname, 'card-page.tsx')],
      bundle: true,
      write: false,
      format: 'iife',
      jsx: 'automatic',
      define: { 'process.env.NODE_ENV': '"production"' },
    });
    browser = await startBrowser();
    page = await browser.newPage();
    // At an address, as the workspace is: a page without one has no storage for what is being typed.
    const contentType = 'text/html';
    await page.route('**/*', (route) => route.fulfill({ contentType, body: '<!doctype html><main></main>' }));
    await page.goto('http://countersign.test/');
    await page.addScriptTag({ content: outputFiles[0]!.text });
  }, PATIENCE_MS);
  afterAll(() => browser?.close());

  it('has every argument once, readable, and nothing that its arguments smuggled in', async () => {
    await fc.assert(
      fc.asyncProperty(hostileRequests, async (request) => {
        const card = cardOf(request);
        const { text, links, elements } = await page.evaluate((it) => globalThis.showCard(it), card);
        for (const [name, value] of Object.entries(request.arguments)) {
          const shown = card.arguments.find((one) => one.name === name)!.value;
          if (typeof value === 'string') expect(shown).toBe(value);
          expect(timesIn(text, legible(shown))).toBe(1);
          expect(timesIn(text, name)).toBe(1);
        }
        // The one to the request's own page.
        expect(links.filter((link) => !link.endsWith(`/requests/${request.id}`))).toEqual([]);
        expect(elements.filter((name) => !ELEMENTS.test(name))).toEqual(links.length > 0 ? ['a'] : []);
      }),
      { numRuns: 50, endOnFailure: true },
    );
  });
});
