/** `node test/newcomer/pictures.ts`: takes the pictures of the README anew, from the real product. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { cardIn, type Screen, sayIn, startBrowser, visit } from '../support/browser.ts';
import { openedAs } from './person.ts';
import { startProduct } from './product.ts';

const FOLDER = join(import.meta.dirname, '../../docs/pictures');
/** A README that loads slowly is not read; in bytes. */
const MAX_BYTES = 200_000;
const PICTURES: { file: string; screen: Screen }[] = [
  { file: 'workspace.png', screen: { size: 'desktop', theme: 'light' } },
  { file: 'phone.png', screen: { size: 'phone', theme: 'light' } },
];

/** The approval card as the colleague on call finds it. */
async function take(browser: Browser, url: string, { file, screen }: (typeof PICTURES)[number]) {
  const { page, context } = await openedAs(browser, url, 'bob', screen);
  await visit(page, '/waiting');
  await cardIn(page).getByRole('button', { name: 'Approve' }).waitFor();
  const path = join(FOLDER, file);
  await page.screenshot({ path });
  await context.close();
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new Error(`${file} has ${size} bytes, more than ${MAX_BYTES}`);
  process.stdout.write(`${path}: ${size} bytes\n`);
}

const product = await startProduct();
const browser = await startBrowser();
try {
  await mkdir(FOLDER, { recursive: true });
  const alice = await openedAs(browser, product.url, 'alice');
  await sayIn(alice.page, 'run the checks of web on main');
  await cardIn(alice.page).getByRole('button', { name: 'Confirm' }).click();
  await cardIn(alice.page)
    .getByText(/Waiting for one approval/)
    .waitFor();
  const bob = await openedAs(browser, product.url, 'bob');
  await bob.page.getByRole('button', { name: 'I have read it' }).click();
  await bob.page.getByRole('complementary', { name: 'First contact' }).waitFor({ state: 'detached' });
  for (const picture of PICTURES) await take(browser, product.url, picture);
} finally {
  await browser.close();
  await product.stop();
}
