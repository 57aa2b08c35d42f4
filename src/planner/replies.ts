/** What the planner says in our own words. A person's or model's text never appears in these sentences. */
import type { PendingAsk, Plan, PlannerTool } from '../model/ports.ts';
import { wanted } from './form.ts';
import { type Field, fieldsOf, missingFields, type Problem } from './schema.ts';

/** More examples than this and nobody reads them. */
const HELP_MAX_ACTIONS = 20;

const answer = (text: string): Plan => ({ kind: 'answer', text, authorship: 'system' });

/** e.g. `ci trigger repo=… ref=… job=… [inputs.NAME=…]` */
function usageLine(tool: PlannerTool): string {
  const fields = fieldsOf(tool).map((field) => {
    const key = field.kind === 'record' ? `${field.name}.NAME` : field.name;
    const value = field.kind === 'choice' ? field.choices.join('|') : field.prose ? '"…"' : '…';
    const more = field.kind === 'list' ? ` [${key}=…]` : '';
    return field.required ? `${key}=${value}${more}` : `[${key}=${value}]${more}`;
  });
  return [tool.name.replaceAll('.', ' '), ...fields].join(' ');
}

/** What this person can ask for, one example each. */
export function helpAnswer(tools: readonly PlannerTool[], before = ''): Plan {
  if (tools.length === 0) {
    return answer(
      `${before}There is nothing that you may ask for here yet. An operator can add you to a group that may.`,
    );
  }
  const lines = tools.slice(0, HELP_MAX_ACTIONS).map((tool) => {
    const example = tool.examples[0]?.replace(/\{([\w.]+)\}/g, '<$1>');
    return example === undefined
      ? `• ${tool.title}: \`${usageLine(tool)}\``
      : `• ${tool.title}: “${example}”, or \`${usageLine(tool)}\``;
  });
  return answer(`${before}You can ask for:\n${lines.join('\n')}\n${ASIDE}`);
}

/** What is understood everywhere, and is no action. */
const ASIDE =
  'And always: `home`, `my requests`, `waiting for me`, `undo REQUEST-ID`, `cancel REQUEST-ID`, `delegate REQUEST-ID to PERSON`, `resolve REQUEST-ID succeeded|failed`, `who is on call`, `report: what looks wrong`, `whoami`.';

/** One action in full. */
export function toolHelp(tool: PlannerTool): Plan {
  const fields = fieldsOf(tool).map((field) => {
    const about = field.description === '' ? '' : ` ${field.description};`;
    return `• ${field.name}:${about} ${wanted(field)}${field.required ? '' : ', may be left out'}`;
  });
  const examples = tool.examples.map((one) => `“${one.replace(/\{([\w.]+)\}/g, '<$1>')}”`).join(', ');
  const lines = [`${tool.title}: ${tool.description}`, `\`${usageLine(tool)}\``, ...fields];
  return answer([...lines, ...(examples === '' ? [] : [`In plain words: ${examples}`])].join('\n'));
}

export function notUnderstood(tools: readonly PlannerTool[]): Plan {
  return helpAnswer(tools, 'I did not understand that. ');
}

export function unknownCommand(tools: readonly PlannerTool[]): Plan {
  return helpAnswer(tools, 'There is no such command that you could use. ');
}

export function whichOne(tools: readonly PlannerTool[]): Plan {
  const lines = tools.map((tool) => `• ${tool.title}: \`${usageLine(tool)}\``);
  return answer(`That could mean more than one thing. Which one do you mean?\n${lines.join('\n')}`);
}

export function wrongFields(tool: PlannerTool, problems: readonly Problem[]): Plan {
  const lines = problems.map(({ field, message }) => `• ${field === '' ? 'The command' : field} ${message}`);
  return answer(`That command is not right:\n${lines.join('\n')}\nIt is written \`${usageLine(tool)}\``);
}

export function dropped(): Plan {
  return answer('All right, I have dropped that. Nothing was done.');
}

/** Asks for what is missing; `problem` says first why the last answer did not do. */
export function askFor(
  tool: PlannerTool,
  args: Record<string, unknown>,
  provenance: PendingAsk['provenance'],
  problem = '',
): Plan {
  const missing = missingFields(tool, args);
  const names = missing.map(label);
  const question =
    names.length === 1
      ? `What is the ${names[0]}?`
      : `I still need the ${list(names)}. You can answer in one line.`;
  return {
    kind: 'ask',
    question: `${problem}${tool.title}: ${question}`,
    ask: { action: tool.name, arguments: args, provenance, missing: missing.map((field) => field.name) },
    authorship: 'system',
  };
}

function label(field: Field): string {
  if (field.kind === 'list') return `${field.name} (one a line)`;
  return field.kind === 'choice' ? `${field.name} (${field.choices.join(', ')})` : field.name;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and the ${names.at(-1)}`;
}
