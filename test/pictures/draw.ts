/**
 * Writes the pictures of cards into the documentation: `npm run pictures`. What they show is drawn by others' renderers
 * (slack-blocks-to-jsx, Microsoft's adaptivecards), near what the clients draw and not the same.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.ts';
import { PAGES, type PageName } from './page.ts';
import { withPalette } from './small-png.ts';

const FOLDER = path.join(import.meta.dirname, '../../docs/pictures');
/** A phone and a desktop, in CSS pixels. */
export const WIDTHS = [390, 1280] as const;

/** The samples of one platform, drawn; `complaints` are what the browser or a renderer found wrong. */
export async function openSamples(
  browser: Browser,
  name: PageName,
  width: number,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({
    viewport: { width, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    // Moments are shown in the reader's own time: the same one wherever it is drawn.
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
  });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.setContent(await PAGES[name]());
  await page.locator('body[data-drawn]').waitFor();
  return { page, complaints };
}

async function main(): Promise<void> {
  const browser = await startBrowser();
  try {
    for (const name of Object.keys(PAGES) as PageName[]) {
      for (const width of WIDTHS) {
        const { page, complaints } = await openSamples(browser, name, width);
        if (complaints.length > 0) throw new Error(complaints.join('\n'));
        const screenshot = await page.screenshot({ fullPage: true });
        writeFileSync(path.join(FOLDER, `${name}-${width}.png`), withPalette(screenshot));
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
}

if (import.meta.main) await main();
