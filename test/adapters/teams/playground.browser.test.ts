/**
 * The product in Microsoft's Agents Playground, in a real browser: `npm start` as a process with MicrosoftAppId present and
 * empty, real policy, database and sandbox, and the Playground's people in the directory. What it looked like is kept as pictures
 * in the build folder; the one of the documentation goes to AGENTS_PLAYGROUND_PICTURE where that is given.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withPalette } from '../../pictures/small-png.ts';
import { type Home, makeHome, settles, spawnAssistant } from '../../support/assistant.ts';
import { startBrowser } from '../../support/browser.ts';
import { useDatabase } from '../../support/database.ts';
import { freePort } from '../../support/free-port.ts';
import { needs } from '../../support/needs.ts';
import {
  type At,
  type Playground,
  type PlaygroundUser,
  playgroundAddress,
  startPlayground,
} from '../../support/teams/playground.ts';

const PICTURES = path.join(import.meta.dirname, '../../../.build/playground-pictures');
const MISSING = [needs('agents-playground'), needs('chromium')].filter(({ skip }) => skip);
const WHY = MISSING.map(({ reason }) => ` (${reason})`).join('');
/** A sandboxed run on a busy machine, and a client that draws. */
const SLOW_MS = 60_000;
const WAITING = 'Waiting for one approval from On call.';

describe.skipIf(MISSING.length > 0)(`in the Agents Playground${WHY}`, () => {
  const database = useDatabase();
  let home: Home;
  let product: Awaited<ReturnType<typeof spawnAssistant>>;
  let playground: Playground;
  let browser: Browser;
  let page: Page;

  const member = (id: string): PlaygroundUser => playground.settings.users.find((it) => it.id === id)!;
  /** Asks, and sits at the browser. */
  const alex = () => playground.settings.currentUser;
  /** On call, both. */
  const adele = () => member('user-id-2');
  const megan = () => member('user-id-1');
  /** An employee and nothing else. */
  const patti = () => member('user-id-4');

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    const [address, port] = [await playgroundAddress(), await freePort()];
    playground = await startPlayground(address, `http://127.0.0.1:${port}/api/messages`);
    home = makeHome({ extra: `teams: {service_url: "${address}/_connector"}` });
    home.edit('people.yaml', () =>
      peopleOf(playground.settings.tenantId, {
        alex: alex(),
        adele: adele(),
        megan: megan(),
        patti: patti(),
      }),
    );
    product = await spawnAssistant(home, {
      database,
      environment: { PORT: String(port), MicrosoftAppId: '' },
    });
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 1040 } });
    page.setDefaultTimeout(SLOW_MS);
    await page.goto(address);
    await page.locator('[role=textbox]').first().waitFor();
    await page
      .getByRole('button', { name: /log panel|close/i })
      .last()
      .click();
  });

  afterAll(async () => {
    await browser?.close();
    await playground?.stop();
    await product?.stop();
    home?.remove();
  });

  const picture = (name: string) => page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
  const say = async (words: string): Promise<void> => {
    await page.locator('[role=textbox]').first().click();
    await page.keyboard.type(words);
    await page.keyboard.press('Enter');
  };
  const button = (name: string): Locator => page.getByRole('button', { name, exact: true }).last();
  const newestCard = (): Locator => page.locator('.ac-adaptiveCard').last();
  const entries = async (type: string) =>
    (
      await database.db.query<{ body: string }>(
        'select body from audit_entries where type = $1 order by written_by, counter',
        [type],
      )
    ).map(({ body }) => JSON.parse(body) as { principal?: string; data: Record<string, unknown> });

  /** As the answer to a press; what takes longer than Teams waits for that is a message to them. */
  const isTold = ({ value }: { value: unknown }, words: string) =>
    settles(async () => {
      const said = await database.owner.query<{ text: string }>('select text from messages');
      return [value, ...said.map(({ text }) => text)].join('\n').includes(words);
    }, `somebody is told "${words}"`);

  /** Where the newest card of a shared conversation stands, with what its buttons carry. */
  const cardStands = (): Promise<At> =>
    settles(async () => {
      const row = await database.owner.maybe<{ at: string; container: string; data: At['data'] }>(
        `select m.delivered->>'message' as at, m.delivered->>'container' as container,
           jsonb_build_object('rendering', r.rendering, 'request', r.id) as data
         from messages m join requests r on r.id = m.request join threads t on t.id = m.thread
         where m.delivered is not null and not t.direct order by m.serial desc limit 1`,
      );
      if (row === null) return null;
      const [, thread, message] = row.at.split(' ') as [string, string, string];
      return { conversation: `${row.container};messageid=${thread}`, message, data: row.data };
    }, 'a card stands in a channel');

  test('a ticket is opened by command, its words are shown as they are, and Undo takes it back', async () => {
    const words = '@everyone **now** [click](https://evil.example) {{DATE(2017-02-14T06:08:00Z)}}';
    await say(`ticket create title="VPN down" description="${words}"`);
    await page.getByText('Ticket T-1').first().waitFor();
    await button('Undo').waitFor();
    await picture('1-ticket');
    expect(await newestCard().innerText()).toContain(words);
    expect(await page.locator('.ac-adaptiveCard a[href*=evil]').count()).toBe(0);
    await button('Undo').click();
    await settles(async () => {
      const ticket = await database.owner.maybe<{ state: string }>('select state from desk_tickets');
      return ticket?.state === 'closed';
    }, 'the ticket is closed again');
  });

  test('a form is filled in and becomes a request; Report is heard, and Edit changes it where it stands', async () => {
    await say('ci trigger repo=web');
    await page.getByLabel('Branch, tag or commit').last().fill('main');
    await page
      .getByLabel(/^Job\s*\*?$/)
      .last()
      .fill('checks');
    await picture('2-form');
    await button('Send').click();
    await page.getByText(WAITING, { exact: true }).waitFor();
    await button('Report').click();
    await page.getByLabel('What looks wrong? Operators read this.').last().fill('Why at night?');
    await picture('3-report');
    await button('Send report').click();
    const reported = () =>
      entries('alert.raised').then((all) => all.find((it) => it.data.code === 'reported'));
    expect(await settles(async () => (await reported()) ?? null, 'it is reported')).toMatchObject({
      principal: 'alex',
    });
    await button('Edit').click();
    await button('Save the change').waitFor();
    await page
      .getByLabel(/^Job\s*\*?$/)
      .last()
      .fill('release');
    await picture('4-edit');
    await button('Save the change').click();
    await settles(async () => (await entries('request.edited')).length === 1, 'the request is changed');
  });

  test('what is asked for in a channel is approved by another member, never by who asked, and its card follows', async () => {
    const { press, settings } = playground;
    await page.getByText('Announcements').first().click();
    await page.locator('[role=textbox]').first().click();
    await page.keyboard.type('@');
    await page.getByText(settings.bot.name, { exact: true }).last().click();
    await page.keyboard.type(' ci trigger repo=web ref=main job=checks');
    await button('Post').click();
    await page.getByText(WAITING, { exact: true }).waitFor();
    await button('Cancel').waitFor();
    await picture('5-channel-card');
    const at = await cardStands();
    const request = { id: String(at.data.request) };

    const verbsFor = async (user: PlaygroundUser) => {
      const { value } = await press(user, at, 'refresh');
      return (value as { actions: { verb?: string }[] }).actions.flatMap(({ verb }) => verb ?? []);
    };
    expect(await verbsFor(adele())).toEqual(['approve', 'deny', 'edit', 'hand_over']);
    expect(await verbsFor(patti())).toEqual([]);

    const refused = 'You asked for this yourself: somebody else must approve it.';
    await isTold(await press(alex(), at, 'approve'), refused);
    await isTold(await press(patti(), at, 'approve'), 'No rule lets Patti Fernandez approve this request.');
    expect((await entries('approval.refused')).map(({ principal }) => principal)).toEqual(['alex', 'patti']);
    expect(await product.view(request.id)).toMatchObject({ state: 'pending', approvals: [] });

    await press(adele(), at, 'approve');
    await product.until(request, 'succeeded');
    expect((await entries('approval.given')).map(({ principal }) => principal)).toEqual(['adele']);
    await page.getByText('Done.', { exact: true }).waitFor();
    await newestOf(page, 'Done.')
      .getByText(/^Adele Vance,/)
      .waitFor();
    expect(await page.getByText(WAITING, { exact: true }).count()).toBe(0);
    for (const name of ['Cancel', 'Approve', 'Edit']) expect(await button(name).count()).toBe(0);
    // Rewritten where it stood: there is one card of it.
    expect(await page.getByText('Run checks of web on commit', { exact: false }).count()).toBe(1);
    await pictureOfChannel(page);
    expect(await newestOf(page, 'Done.').innerText()).toMatch(/definition=[0-9a-f]{64}/);
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 1040 });
      await picture(`7-channel-${width}`);
      expect({ width, cut: await cutOff(newestOf(page, 'Done.')) }).toEqual({ width, cut: [] });
    }
  });
});

/** What sticks out of a card, and so is not read: the beginning of each. */
const cutOff = (card: Locator): Promise<string[]> =>
  card.evaluate((root) =>
    [root, ...root.querySelectorAll('*')]
      .filter((it) => it.clientWidth > 0 && it.scrollWidth > it.clientWidth + 1)
      .map((it) => (it.textContent ?? '').slice(0, 80)),
  );

const newestOf = (page: Page, words: string): Locator =>
  page.locator('.ac-adaptiveCard', { has: page.getByText(words, { exact: true }) }).last();

/** The whole card with what surrounds it. */
async function pictureOfChannel(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 2400 });
  const card = (await newestOf(page, 'Done.').boundingBox())!;
  const clip = { x: 0, y: 0, width: 1280, height: Math.ceil(card.y + card.height + 16) };
  const drawn = withPalette(await page.screenshot({ clip }));
  writeFileSync(path.join(PICTURES, '6-channel-done.png'), drawn);
  const documented = process.env.AGENTS_PLAYGROUND_PICTURE;
  if (documented !== undefined) writeFileSync(documented, drawn);
}

/** A directory of the Playground's people. */
function peopleOf(
  tenant: string,
  { alex, adele, megan, patti }: Record<'alex' | 'adele' | 'megan' | 'patti', PlaygroundUser>,
): string {
  const group = (title: string) => ({ title, contact: 'Platform team, platform@example.com' });
  const person = (id: string, { name, aadObjectId: oid }: PlaygroundUser, ...groups: string[]) => ({
    id,
    name,
    groups: ['employees', ...groups],
    accounts: [{ platform: 'teams', tenant, oid }],
  });
  return JSON.stringify({
    groups: {
      employees: group('Employees'),
      engineers: group('Engineers'),
      oncall: group('On call'),
      operators: group('Operators'),
    },
    people: [
      person('alex', alex, 'engineers'),
      person('adele', adele, 'engineers', 'oncall'),
      person('megan', megan, 'engineers', 'oncall'),
      person('patti', patti),
    ],
  });
}
