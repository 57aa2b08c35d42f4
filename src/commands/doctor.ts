/** `doctor`: what it stands on, line by line, and how to mend each. */
import { diagnose } from '../doctor.ts';
import { type Command, line } from './command.ts';
import type { Finding } from './doctor/finding.ts';
import { freshKeys } from './doctor/keys.ts';

const MARKS = { ok: 'ok  ', note: 'note', bad: 'BAD ' } as const;
/** Wide enough for the longest name. */
const NAME_COLUMNS = 11;

export const doctor: Command = async ({ env, cwd, flags, json, terminal }) => {
  if (flags.has('new-keys')) {
    const keys = freshKeys();
    const lines = Object.entries(keys).map(([name, value]) => `${name}=${value}\n`);
    await terminal.write(json ? line(keys) : lines.join(''));
    terminal.say('Secrets: keep them where only the assistant reads them, and back them up.');
    return 0;
  }
  const findings: Finding[] = [];
  for await (const finding of diagnose(env, cwd)) {
    findings.push(finding);
    if (!json) await terminal.write(wordsOf(finding));
  }
  const count = findings.filter(({ state }) => state === 'bad').length;
  if (json) await terminal.write(line({ ok: count === 0, findings }));
  else await terminal.write(count === 0 ? 'Nothing is broken.\n' : `${count} to mend.\n`);
  return count === 0 ? 0 : 1;
};

function wordsOf({ state, name, what, mend }: Finding): string {
  const indent = ' '.repeat(MARKS.ok.length + NAME_COLUMNS + 3);
  const more = (mend ?? '').split('\n').filter((text) => text !== '');
  return [`${MARKS[state]} ${name.padEnd(NAME_COLUMNS)}  ${what}`, ...more.map((text) => `${indent}${text}`)]
    .map((text) => `${text}\n`)
    .join('');
}
