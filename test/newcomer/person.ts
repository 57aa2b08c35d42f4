/** A person at a window of the workspace, and what they saw in it. */
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { openPage, type Screen, switchTo } from '../support/browser.ts';

/** One story on a busy machine with two cores, in milliseconds. */
export const PATIENCE_MS = 300_000;
/** One thing that has to come true, and how often we look, in milliseconds. */
const WAIT = { timeout: 60_000, interval: 50 };

export const until = <T>(look: () => Promise<T>) => expect.poll(look, WAIT);

/** A window in which somebody is this person. */
export async function openedAs(browser: Browser, url: string, person: string, screen: Screen = {}) {
  const opened = await openPage(browser, url, screen);
  if (person !== 'alice') await switchTo(opened.page, person);
  return opened;
}

type Watching = { outputsSeen: string[] };

/** Notes every output that stands in the page while its run goes on, as a reader sees it grow. */
export const startWatchingOutput = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const seen: string[] = [];
    (globalThis as unknown as Watching).outputsSeen = seen;
    const look = () => {
      const text = document.querySelector('.terminal pre')?.textContent ?? '';
      if (text !== '' && text !== seen.at(-1)) seen.push(text);
    };
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    });
  });

/** What was noted, in order. */
export const outputsSeen = (page: Page): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as Watching).outputsSeen);
