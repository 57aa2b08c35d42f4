/**
 * `action review`: what an action of one's own says of itself, asked in the sandbox, for a person to read. With `--write` it
 * is what counts from the next start on.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { ACTIONS } from '../../actions/catalogue.ts';
import type { GovernedAction } from '../action.ts';
import { readConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import { isEnough } from '../execution/levels.ts';
import { establishLevel } from '../execution/sandbox/probe.ts';
import { createSandbox, type Sandbox } from '../execution/sandbox/sandbox.ts';
import { ACTION_NAME } from '../foreign/action-name.ts';
import { NOTHING_ASSIGNED } from '../foreign/assigned.ts';
import { describeOutside } from '../foreign/describe.ts';
import { governedFrom, missingCredentials } from '../foreign/governed.ts';
import { type ReviewedAction, undoMissing } from '../foreign/outside.ts';
import { readReviewed, writeReviewed } from '../foreign/reviewed.ts';
import { caseFor, cedarFor, reviewInWords } from '../foreign/words.ts';
import { cleanText } from '../screening/text.ts';
import { type Command, line } from './command.ts';

export const review: Command = async ({ env, cwd, words, flags, json, terminal }) => {
  const config = readConfig(env, cwd);
  const { folder, name } = placeOf(words[0] ?? '', cwd, config.actions?.folder ?? null);
  if (!existsSync(join(folder, `${name}.ts`)))
    throw new AppError(
      'usage',
      `There is no ${name}.ts in ${folder}: countersign action new ${name} --in ${folder} writes one.`,
    );
  // What others may write counts for nothing at the start: whoever reviews hears of it now.
  if (config.actions !== null) readReviewed(config.actions.reviewed, z.unknown(), config);
  const sandbox = await sandboxFor(config.acceptProcess);
  const described = await describeOutside(folder, name, sandbox).catch((error: unknown) => {
    // Why is the action's own word: untrusted, and what its author needs.
    if (error instanceof AppError && typeof error.cause === 'string' && !json)
      terminal.say(`${name} said, in words of its own:\n${error.cause.replace(/^/gm, '  | ')}`);
    throw error;
  });
  const { sha256 } = described.bundle;
  if (!described.ok) {
    if (json) await terminal.write(line({ ok: false, name, sha256, problems: described.problems }));
    for (const problem of described.problems) terminal.say(cleanText(problem));
    terminal.say(`${name} cannot be reviewed before this is mended.`);
    return 1;
  }
  const { description } = described;
  if (ACTIONS.some((action) => action.name === name))
    throw new AppError('conflict', `There is an action called ${name} already; give this one another name.`);
  const assigned = config.actions?.assign[name] ?? NOTHING_ASSIGNED;
  // What the file assigns meets what the action now says, before anybody believes in it.
  const { governed } = governedFrom(description, assigned);
  if (json) await terminal.write(line({ ok: true, name, sha256, description }));
  else await terminal.write(`${reviewInWords(description, sha256)}\n`);
  if (!flags.has('write')) {
    terminal.say('Nothing was written. If this is what it may do, run it again with --write.');
    return 0;
  }
  if (config.actions === null || resolve(config.actions.folder) !== folder)
    throw new AppError(
      'config_invalid',
      `countersign.yaml: "actions: {folder: ${folder}}" says that actions of this folder are served; add it first.`,
    );
  const entry: ReviewedAction = { sha256, description };
  // All that is said afterwards is known before: what was written is never followed by a failure.
  const missing = missingCredentials(description, assigned);
  const noUndo = undoMissing(description, governed, config.actions, config);
  const rules = [cedarFor(description), ...someCase(governed)].join('\n\n');
  writeReviewed(config.actions.reviewed, name, entry, config);
  const written = relative(cwd, config.actions.reviewed);
  terminal.say(`Written to ${written}: commit it. It counts from the next start on.`);
  if (missing.length > 0)
    terminal.say(`It would like ${missing.join(', ')}: give it under actions.assign.${name}.credentials.`);
  if (noUndo !== null) terminal.say(`Its undo is not offered yet: ${noUndo}.`);
  terminal.say(`The rules must speak of it. The Cedar schema needs:\n\n${rules}`);
  return 0;
};

/** For the first of its cases; none where no arguments could be made up for it. */
function someCase({ action, connector, settings }: GovernedAction): string[] {
  const facts = { connector: connector.name, settings: connector.facts(action.operation, {}, settings) };
  return connector
    .examples(action.operation, settings)
    .slice(0, 1)
    .map((args) => caseFor(action.name, action.resource(args, facts), action.risk(args, facts)));
}

/** `FOLDER/NAME`, with or without `.ts`; a name alone is one of the configured folder. */
function placeOf(word: string, cwd: string, configured: string | null): { folder: string; name: string } {
  const name = basename(word).replace(/\.ts$/, '');
  if (!ACTION_NAME.test(name))
    throw new AppError(
      'usage',
      `"${name}" is no name of an action: two words in small letters, such as report.weekly.`,
    );
  if (basename(word) !== word) return { folder: resolve(cwd, dirname(word)), name };
  if (configured === null)
    throw new AppError(
      'usage',
      'Which folder? Give FOLDER/NAME, or name one under "actions" in countersign.yaml.',
    );
  return { folder: configured, name };
}

/** Untrusted code is asked at the strongest level there is, or not at all. */
async function sandboxFor(acceptProcess: boolean): Promise<Sandbox> {
  const { level, missing } = await establishLevel();
  if (!isEnough(level, acceptProcess ? 'process' : 'kernel-lite'))
    throw new AppError(
      'isolation_too_low',
      `This machine reaches isolation level "${level}" only, which is not enough to ask code that nobody knows.${missing ? ` Install ${missing}.` : ''}`,
    );
  return createSandbox({ level });
}
