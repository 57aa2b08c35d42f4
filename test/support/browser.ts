/** Debian's Chromium on our pages: starting it, and what a person does in the workspace. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why there is no browser to test with, or null. With `CI=true` the tests run all the same, and fail by name. */
export const missingBrowser: string | null =
  existsSync(CHROMIUM) || process.env.CI === 'true' ? null : `needs Chromium: apt-get install chromium`;

export const startBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: FLAGS, ignoreDefaultArgs: ['--headless=old'] });

/** One thing that has to come about, on a busy machine, in milliseconds. */
const COMES_WITHIN_MS = 60_000;

export const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;

export type Screen = { size?: keyof typeof SIZES; theme?: 'light' | 'dark' };

/** A page with a storage of its own: what it complains of (console errors, refused by CSP, exceptions) is collected. */
export async function openPage(
  browser: Browser,
  url: string,
  { size = 'desktop', theme = 'light' }: Screen = {},
): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: theme,
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(COMES_WITHIN_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.getByRole('banner').waitFor();
  return { page, context, complaints };
}

/** Becomes another sample person by the menu at the top. */
export async function switchTo(page: Page, person: string): Promise<void> {
  await page.getByRole('button', { name: /Switch person/ }).click();
  await page.getByRole('menuitem', { name: new RegExp(`^\\S*\\s*${person}\\b`) }).click();
  await page.getByRole('button', { name: new RegExp(`You are ${person}\\b`) }).waitFor();
}

/** Writes a message and sends it. */
export async function sayIn(page: Page, text: string): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Message to Countersign' });
  await field.fill(text);
  await field.press('Enter');
}

/** The newest request card of the page; its title narrows it down. */
export const cardIn = (page: Page, title?: string | RegExp): Locator =>
  page.getByRole('article', title === undefined ? {} : { name: title }).last();

/** Goes to a place of the navigation by its address, e.g. `/waiting`. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.locator(`nav a.place[href="${path}"]`).click();
  await page.waitForURL((url) => url.pathname === path);
}

/** How many pixels a page is wider than its window. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll('main, .scroll')];
    return Math.max(...boxes.map((box) => box.scrollWidth - box.clientWidth));
  });

/** True when all of it stands inside the window, and nothing lies over its middle. */
export const isInSight = (locator: Locator): Promise<boolean> =>
  locator.evaluate((element) => {
    const box = element.getBoundingClientRect();
    const isInside =
      box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth && box.width > 0;
    const atMiddle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return isInside && (element === atMiddle || element.contains(atMiddle));
  });

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds serious or critical, one line each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Through the debugger, as our own policy lets no other script into the page.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    type Found = { id: string; impact: string; nodes: { html: string; failureSummary: string }[] };
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Found[] }> } };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      );
  });
}
