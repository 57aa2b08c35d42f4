/**
 * The planner that needs no model: typed commands, plain words matched to the actions' examples, and answers to what
 * was asked. It proposes only what is among the given tools, and the same for the same input.
 */
import type { Plan, PlanInput, Planner } from '../model/ports.ts';
import type { Provenance } from '../model/request.ts';
import { parseCommand } from './command.ts';
import { matchPlainWords } from './match.ts';
import { continueAsk, endsAsk } from './pending.ts';
import { complete } from './proposal.ts';
import { helpAnswer, notUnderstood, toolHelp, unknownCommand, whichOne, wrongFields } from './replies.ts';
import { fieldsOf } from './schema.ts';

type Asked = Pick<PlanInput, 'text' | 'tools' | 'pendingAsk'>;

/** Longer than any sentence that means one of the examples; bounds the matching. */
const PLAIN_WORDS_MAX_CHARACTERS = 20_000;

export function offlinePlanner(): Planner {
  return { name: 'offline', plan: async (input) => ({ plan: planOffline(input), calls: [] }) };
}

export function planOffline(input: Asked): Plan {
  return planCommand(input) ?? planPlainWords(input);
}

/** The plan of a typed command, or null for plain words. Works without a model, always. */
export function planCommand(input: Asked): Plan | null {
  const command = parseCommand(input.text, input.tools);
  if (command === null) return null;
  switch (command.kind) {
    case 'help':
      return command.tool === null ? helpAnswer(input.tools) : toolHelp(command.tool);
    case 'unknown':
      return unknownCommand(input.tools);
    case 'command':
      return command.problems.length > 0
        ? wrongFields(command.tool, command.problems)
        : complete(command.tool, command.arguments, allOf(command.arguments, 'typed'), true);
  }
}

/**
 * The answer to what was asked, or null where the text is none or another request. `prose: false` leaves fields that
 * take any sentence to somebody who can tell an answer from another wish.
 */
export function planAnswer(input: Asked, options: { prose: boolean } = { prose: true }): Plan | null {
  const { pendingAsk: ask, tools, text } = input;
  const tool = ask && tools.find((one) => one.name === ask.action);
  if (ask === null || tool === undefined || tool === null) return null;
  if (!endsAsk(text)) {
    const open = fieldsOf(tool).find((field) => ask.missing.includes(field.name));
    if (open?.prose && !options.prose) return null;
    const matched = matchPlainWords(text, tools);
    if (matched.kind === 'one' && matched.candidate.complete) return null;
  }
  const { plan, understood } = continueAsk(ask, tool, text);
  return understood ? plan : null;
}

function planPlainWords(input: Asked): Plan {
  if (input.text.length > PLAIN_WORDS_MAX_CHARACTERS) return notUnderstood(input.tools);
  const answered = planAnswer(input);
  if (answered !== null) return answered;
  const matched = matchPlainWords(input.text, input.tools);
  switch (matched.kind) {
    case 'one': {
      const { tool, arguments: args } = matched.candidate;
      return complete(tool, args, allOf(args, 'quoted'), false);
    }
    case 'several':
      return whichOne(matched.tools);
    case 'none':
      return askAgain(input) ?? notUnderstood(input.tools);
  }
}

function askAgain({ pendingAsk: ask, tools, text }: Asked): Plan | null {
  const tool = ask && tools.find((one) => one.name === ask.action);
  return ask && tool ? continueAsk(ask, tool, text).plan : null;
}

function allOf(args: Record<string, unknown>, provenance: Provenance): Record<string, Provenance> {
  return Object.fromEntries(Object.keys(args).map((name) => [name, provenance]));
}
