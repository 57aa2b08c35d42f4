/**
 * Writes the parity table into the documentation: `npm run parity`. The rules come from the suite and what is excepted from
 * each platform's declaration, so that the table can say nothing that is not shown.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { exceptionOf, OFFERS, PLATFORMS, type PlatformName } from './platforms.ts';
import { ACROSS, RULES, type RuleId } from './rules.ts';

export const PARITY_FILE = path.join(import.meta.dirname, '../../docs/parity.md');

const NAMES = Object.keys(PLATFORMS) as PlatformName[];

const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

/** The whole file. Reasons stand below the table as notes, so that its columns stay narrow. */
export function parityPage(): string {
  const notes: string[] = [];
  const noted = (mark: string, why: string): string => {
    const note = sentence(why);
    if (!notes.includes(note)) notes.push(note);
    return `${mark} [${notes.indexOf(note) + 1}](#notes)`;
  };
  const rules = (Object.entries(RULES) as [RuleId, string][]).map(([rule, says]) =>
    row(
      says,
      ...NAMES.map((name) => {
        const why = exceptionOf(name, rule);
        return why === null ? 'proved' : noted('no', why);
      }),
    ),
  );
  const offers = OFFERS.map((offer) =>
    row(
      offer.what,
      ...NAMES.map((name) => {
        const has = offer[name];
        return has === true ? 'yes' : noted('differs', has);
      }),
    ),
  );
  return [
    '# Parity of Slack, Teams and the workspace',
    '',
    'Made by `npm run parity` from the channel contract in `test/contract`; a test fails when this page is stale.',
    'Please do not edit it by hand.',
    '',
    '## What is the same everywhere',
    '',
    'One suite holds these rules and every platform passes it, through its own wire, over the same assistant with its real',
    'rules, database, sandbox and log; after each rule the whole log is verified.',
    '',
    ...NAMES.map((name) => `- ${name}: ${PLATFORMS[name].through}.`),
    '',
    row('Rule', ...NAMES),
    row('---', ...NAMES.map(() => '---')),
    ...rules,
    '',
    '## Across platforms',
    '',
    'With all three connected to one assistant, whose people have linked accounts:',
    '',
    ...Object.values(ACROSS).map((says) => `- ${says}`),
    '',
    '## What differs',
    '',
    'Declared by each platform; what is here has tests of its own, not the common suite.',
    '',
    row('What', ...NAMES),
    row('---', ...NAMES.map(() => '---')),
    ...offers,
    '',
    '## Notes',
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(PARITY_FILE, parityPage());
