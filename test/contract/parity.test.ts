import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PARITY_FILE, parityPage } from './parity.ts';
import { PLATFORMS } from './platforms.ts';
import { RULES } from './rules.ts';

test('the parity page is the one that `npm run parity` writes', () => {
  expect(readFileSync(PARITY_FILE, 'utf8')).toBe(parityPage());
});

test('the page names every rule, and every exception with its reason', () => {
  const page = parityPage();
  for (const says of Object.values(RULES)) expect(page).toContain(`| ${says} |`);
  for (const { exceptions } of Object.values(PLATFORMS))
    for (const { why } of exceptions) expect(page).toContain(why.slice(1));
});

test('every platform has a file that calls the suite', () => {
  for (const [name, file] of [
    ['Slack', 'slack'],
    ['Teams', 'teams'],
    ['Workspace', 'web'],
  ]) {
    const source = readFileSync(new URL(`./${file}.contract.test.ts`, import.meta.url), 'utf8');
    expect(source).toContain(`channelContract('${name}', `);
  }
  expect(Object.keys(PLATFORMS)).toHaveLength(3);
});
