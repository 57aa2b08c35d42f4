/** Issues and comments as the connector's rules and calls both write them. Runs in the sandbox. */
import type { EgressValues } from '../../src/action.ts';
import { text } from './answer.ts';
import type { Args } from './ticket-words.ts';

type About = Pick<EgressValues, 'mark' | 'requester'>;

/** Invisible on GitHub's pages; keyed, so that nobody else can write it. */
const markOf = (mark: string) => `<!-- countersign:${mark} -->`;

const longestRun = (words: string): number =>
  Math.max(0, ...(words.match(/`+/g) ?? []).map((run) => run.length));

/**
 * People's words, in which every character stands for itself: in a block of code GitHub finds no mention that tells a team, no
 * reference that links or closes, no image to load and no comment that hides what follows. Only a fence as long as the opening
 * one could end it (GitHub Flavored Markdown, "Fenced code blocks").
 */
function literal(words: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(words) + 1));
  return `${fence}text\n${words}\n${fence}`;
}

/** The same inside a sentence, on one line (GitHub Flavored Markdown, "Code spans"). */
function inline(name: string): string {
  const line = name.replace(/\s+/g, ' ').trim();
  const ticks = '`'.repeat(longestRun(line) + 1);
  const gap = /^`|`$/.test(line) ? ' ' : '';
  return `${ticks}${gap}${line}${gap}${ticks}`;
}

/** Who it is for stands first: whatever follows, it is read. */
const signed = (parts: readonly string[], { mark, requester }: About): string =>
  [`Written for ${inline(requester)} by Countersign.\n${markOf(mark)}`, ...parts]
    .filter((part) => part !== '')
    .join('\n\n');

const quoted = (words: string): string => (words === '' ? '' : literal(words));

export function issueBody(args: Args, about: About): { title: string; body: string } {
  const priority = text(args, 'priority');
  const parts = [priority === '' ? '' : `Priority: ${priority}`, quoted(text(args, 'description'))];
  return { title: text(args, 'title'), body: signed(parts, about) };
}

export const commentBody = (args: Args, about: About): { body: string } => ({
  body: signed([quoted(text(args, 'comment'))], about),
});
