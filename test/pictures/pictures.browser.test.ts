/** What the pictures of the documentation are made of, in a browser: nothing is lost, and nothing sticks out. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Card } from '../../src/model/card.ts';
import { visible } from '../../src/surface/unseen.ts';
import { missingBrowser, overflowOf, startBrowser } from '../support/browser.ts';
import { openSamples, WIDTHS } from './draw.ts';
import type { PageName } from './page.ts';
import { ASKING, SAMPLES } from './samples.ts';

const PATIENCE_MS = 60_000;
const CARDS = SAMPLES.flatMap(({ caption, message }) =>
  message.card === null ? [] : [{ caption, card: message.card }],
);
const title = `samples of cards${missingBrowser ? ` (${missingBrowser})` : ''}`;

const single = (text: string): string => text.replaceAll(/\s+/g, ' ');
const times = (text: string, part: string): number => text.split(single(part)).length - 1;
const figure = (page: Page, caption: string) =>
  page.locator('figure', { has: page.getByText(caption, { exact: true }) });

/** How often an argument stands there whole: behind its own label, or alone where it follows in full. */
function shown(text: string, { name, value }: Card['arguments'][number]): number {
  const words = single(visible(value)).trim();
  const labelled = [...text.matchAll(new RegExp(`\\b${name} \\([^)]*\\) `, 'g'))];
  const whole = labelled.filter(({ 0: label, index }) => text.startsWith(words, index + label.length));
  expect(labelled).toHaveLength(1);
  return whole.length === 1 ? 1 : times(text, words);
}

describe.skipIf(missingBrowser !== null)(title, { timeout: PATIENCE_MS }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser?.close());

  describe.each<PageName>(['slack', 'teams'])('in %s', (name) => {
    test.each(WIDTHS)(
      'are drawn %i pixels wide without a complaint, and nothing sticks out',
      async (width) => {
        const { page, complaints } = await openSamples(browser, name, width);
        expect(complaints).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
        // Inputs scroll; everything else is read where it stands.
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll('figure, figure *:not(input, textarea, select)')]
            .filter((it) => it.clientWidth > 0 && it.scrollWidth > it.clientWidth + 1)
            .map((it) => it.outerHTML.slice(0, 200)),
        );
        expect(cut).toEqual([]);
        await page.close();
      },
    );

    test('show every argument exactly once', async () => {
      const { page } = await openSamples(browser, name, WIDTHS[0]);
      for (const { caption, card } of CARDS) {
        const text = single(await figure(page, caption).innerText());
        for (const argument of card.arguments) {
          expect({ caption, argument: argument.name, times: shown(text, argument) }).toMatchObject({
            times: 1,
          });
        }
      }
      await page.close();
    });

    test('have no link but ours, and no mention', async () => {
      const { page } = await openSamples(browser, name, WIDTHS[0]);
      const links = await page.locator('a').evaluateAll((all) => all.map((it) => it.getAttribute('href')));
      expect(new Set(links)).toEqual(new Set(['https://desk.example/tickets/7']));
      expect(await page.getByText('<!channel>').count()).toBeGreaterThan(0);
      await page.close();
    });
  });

  test('ask for every field of a form', async () => {
    for (const [name, caption] of [
      ['slack', 'Its form as a dialog'],
      ['teams', ASKING.caption],
    ] as const) {
      const { page } = await openSamples(browser, name, WIDTHS[0]);
      const text = await figure(page, caption).innerText();
      for (const { label } of ASKING.message.form!.fields) expect(times(text, label)).toBe(1);
      await page.close();
    }
  });
});
