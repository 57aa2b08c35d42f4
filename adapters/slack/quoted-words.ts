/**
 * The words of what somebody else wrote, as a person reads them in Slack: attachments and blocks too, as most of what bots post has
 * no other words. Pure and total; whatever has a shape that we do not know is left out.
 */
import { z } from 'zod';
import { plainText } from './inbound-text.ts';
import { Attachment } from './payloads.ts';

/** Forwarded messages and attachments read at most; Slack shows no more than a few. */
const ATTACHMENTS_MAX = 20;
/** As many as Slack takes in a message, and as deep as lists in quotes go there. */
const BLOCKS_MAX = 50;
const DEPTH_MAX = 6;

const Words = z.object({ type: z.enum(['mrkdwn', 'plain_text']), text: z.string() });
/** Blocks in which nobody but an app writes; `alt_text`, `title`: of a picture. */
const Composed = z.object({
  type: z.enum(['header', 'section', 'context', 'markdown', 'image']),
  text: z.union([Words, z.string()]).optional().catch(undefined),
  fields: z.array(z.unknown()).default([]).catch([]),
  elements: z.array(z.unknown()).default([]).catch([]),
  title: Words.optional().catch(undefined),
  alt_text: z.string().optional().catch(undefined),
});
/** `rich_text` and whatever it is made of. */
const Rich = z.object({
  type: z.string(),
  text: z.string().optional().catch(undefined),
  url: z.string().optional().catch(undefined),
  name: z.string().optional().catch(undefined),
  user_id: z.string().optional().catch(undefined),
  channel_id: z.string().optional().catch(undefined),
  usergroup_id: z.string().optional().catch(undefined),
  range: z.string().optional().catch(undefined),
  fallback: z.string().optional().catch(undefined),
  elements: z.array(z.unknown()).optional().catch(undefined),
});
type Rich = z.infer<typeof Rich>;

/** `isByApp`: the text of an app is a summary, and what it says stands in the blocks; of people it is all of their words. */
export type Quotable = { text: string; isByApp: boolean; attachments: unknown[]; blocks: unknown[] };

/** One text for the message and one for each of its attachments; those without a word are left out. */
export function wordsOfMessage({ text, isByApp, attachments, blocks }: Quotable): string[] {
  const said = plainText(text).trim();
  const all = [withBlocks(said, blocks, isByApp), ...wordsOfAttachments(attachments)];
  return all.filter((words) => words !== '');
}

/** What is quoted beside a message: one text for each, in its order, empty where there is no word. */
export function wordsOfAttachments(attachments: readonly unknown[]): string[] {
  return attachments.slice(0, ATTACHMENTS_MAX).map(wordsOfAttachment);
}

function wordsOfAttachment(raw: unknown): string {
  const attachment = Attachment.safeParse(raw);
  if (!attachment.success) return '';
  const { pretext, author_name, title, text, fields, fallback, blocks } = attachment.data;
  const rows = (fields ?? []).map((field) => [field.title, field.value].filter(Boolean).join(': '));
  const words = [pretext, author_name, title, text, ...rows].filter(
    (part) => part !== undefined && part !== '',
  );
  const shown = withBlocks(plainText(words.join('\n')).trim(), blocks ?? [], false);
  // What Slack shows where it can show nothing else: "[no preview available]", for one.
  return shown === '' ? plainText(fallback ?? '').trim() : shown;
}

/** With what blocks say besides. `isRichRead`: what people write as well, whose words stand in `said` otherwise, with their markup. */
function withBlocks(said: string, blocks: readonly unknown[], isRichRead: boolean): string {
  const lines = blocks.slice(0, BLOCKS_MAX).flatMap((block) => {
    const composed = Composed.safeParse(block);
    if (composed.success) return composedLines(composed.data);
    return isRichRead || said === '' ? [richWords(block, DEPTH_MAX)] : [];
  });
  const more = lines.map((line) => line.trim()).filter((line) => line !== '' && !said.includes(line));
  return [said, ...more].filter((line) => line !== '').join('\n');
}

function composedLines({ text, fields, elements, title, alt_text }: z.infer<typeof Composed>): string[] {
  return [text, ...fields, ...elements, title, alt_text].map((part) => {
    if (typeof part === 'string') return part;
    const words = Words.safeParse(part).data;
    return words === undefined ? '' : words.type === 'mrkdwn' ? plainText(words.text) : words.text;
  });
}

/** Parts of a line stand together; lists, quotes and sections on lines of their own. */
function richWords(raw: unknown, depth: number): string {
  const part = Rich.safeParse(raw);
  if (!part.success || depth === 0) return '';
  const { type, elements } = part.data;
  if (elements === undefined) return leafWords(part.data);
  const isLine =
    type === 'rich_text_section' || type === 'rich_text_quote' || type === 'rich_text_preformatted';
  return elements.map((element) => richWords(element, depth - 1)).join(isLine ? '' : '\n');
}

function leafWords({
  type,
  text,
  url,
  name,
  user_id,
  channel_id,
  usergroup_id,
  range,
  fallback,
}: Rich): string {
  switch (type) {
    case 'link':
      // A label can lie: both are kept, as everywhere.
      return plainText(`<${url ?? ''}${text === undefined ? '' : `|${text}`}>`);
    case 'emoji':
      return `:${name ?? ''}:`;
    case 'user':
      return `@${user_id ?? ''}`;
    case 'channel':
      return `#${channel_id ?? ''}`;
    case 'usergroup':
      return `@${usergroup_id ?? ''}`;
    case 'broadcast':
      return `@${range ?? ''}`;
    case 'date':
      return fallback ?? '';
    default:
      return text ?? '';
  }
}
