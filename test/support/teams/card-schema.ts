/** What Teams accepts as an Adaptive Card 1.5, by its documentation: strict shapes of the elements that bots may send. */
import { z } from 'zod';

const openUrl = z.strictObject({ type: z.literal('Action.OpenUrl'), url: z.url({ protocol: /^https?$/ }) });
const TextRun = z.strictObject({
  type: z.literal('TextRun'),
  text: z.string().min(1),
  weight: z.enum(['Lighter', 'Default', 'Bolder']).optional(),
  size: z.enum(['Small', 'Default', 'Medium', 'Large', 'ExtraLarge']).optional(),
  fontType: z.enum(['Default', 'Monospace']).optional(),
  italic: z.boolean().optional(),
  isSubtle: z.boolean().optional(),
  color: z.enum(['Default', 'Dark', 'Light', 'Accent', 'Good', 'Warning', 'Attention']).optional(),
  selectAction: openUrl.optional(),
});
const spacing = z.enum(['None', 'Small', 'Default', 'Medium', 'Large']).optional();
const RichTextBlock = z.strictObject({
  type: z.literal('RichTextBlock'),
  spacing,
  inlines: z.array(TextRun).min(1),
});
/** Markdown is read in one: it may hold nothing of which any could be made. */
const TextBlock = z.strictObject({
  type: z.literal('TextBlock'),
  spacing,
  wrap: z.literal(true),
  text: z.string().regex(/^(?![0-9]+[.)] |[-+] )(?!.*(?: {2}|--|:\S|\.[^ ]))[0-9A-Za-z=+/():., ·…-]+$/),
  weight: z.enum(['Lighter', 'Default', 'Bolder']).optional(),
  size: z.enum(['Small', 'Default', 'Medium', 'Large', 'ExtraLarge']).optional(),
  fontType: z.enum(['Default', 'Monospace']).optional(),
  isSubtle: z.boolean().optional(),
});
const input = {
  id: z.string().min(1),
  label: z.string().min(1),
  isRequired: z.boolean().optional(),
  errorMessage: z.string().min(1).optional(),
};
const value = z.string().optional();
const InputText = z.strictObject({
  type: z.literal('Input.Text'),
  ...input,
  value,
  isMultiline: z.boolean().optional(),
  maxLength: z.int().min(1).optional(),
});
const InputNumber = z.strictObject({
  type: z.literal('Input.Number'),
  ...input,
  value: z.number().optional(),
});
const InputChoiceSet = z.strictObject({
  type: z.literal('Input.ChoiceSet'),
  ...input,
  value,
  style: z.literal('compact'),
  choices: z.array(z.strictObject({ title: z.string().min(1), value: z.string() })).min(1),
});
const leaf = [RichTextBlock, TextBlock, InputText, InputNumber, InputChoiceSet] as const;
const Container = z.strictObject({
  type: z.literal('Container'),
  style: z.enum(['default', 'emphasis']).optional(),
  spacing,
  items: z.array(z.discriminatedUnion('type', [...leaf])).min(1),
});

export const ELEMENTS = {
  Container,
  'Input.ChoiceSet': InputChoiceSet,
  'Input.Number': InputNumber,
  'Input.Text': InputText,
  RichTextBlock,
  TextBlock,
  TextRun,
} as const;

const data = z.record(z.string(), z.string());
const Submit = z.strictObject({
  type: z.literal('Action.Submit'),
  title: z.string().min(1).max(50),
  data,
});
const Execute = z.strictObject({
  type: z.literal('Action.Execute'),
  // Without one the click never arrives.
  verb: z.string().min(1),
  title: z.string().min(1).max(50),
  style: z.enum(['default', 'positive', 'destructive']).optional(),
  data,
  associatedInputs: z.enum(['auto', 'none']).optional(),
  fallback: z.union([Submit, z.literal('drop')]),
});
const ACTIONS_MAX = 6;
const body = z.array(z.discriminatedUnion('type', [...leaf, Container])).min(1);
/** A card inside of a card, which a client opens by itself. */
const ShowCard = z.strictObject({
  type: z.literal('Action.ShowCard'),
  title: z.string().min(1).max(50),
  card: z.strictObject({
    type: z.literal('AdaptiveCard'),
    body,
    actions: z.array(Execute).min(1).max(ACTIONS_MAX),
  }),
});
export type ShownAction = z.infer<typeof Execute>;

export const Card = z.strictObject({
  type: z.literal('AdaptiveCard'),
  $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
  version: z.literal('1.5'),
  body,
  actions: z
    .array(z.discriminatedUnion('type', [Execute, ShowCard]))
    .min(1)
    .max(ACTIONS_MAX)
    .optional(),
  refresh: z
    .strictObject({
      action: z.strictObject({
        type: z.literal('Action.Execute'),
        title: z.string(),
        verb: z.string().min(1),
        data,
      }),
      userIds: z.array(z.string()).max(60).optional(),
    })
    .optional(),
  msteams: z.strictObject({ width: z.literal('Full') }).optional(),
});
export type Card = z.infer<typeof Card>;

/** Everything on a card that sends something, inside of what it opens too. */
export function executesOf(card: Pick<Card, 'actions'> | null): ShownAction[] {
  return (card?.actions ?? []).flatMap((action) =>
    action.type === 'Action.ShowCard' ? action.card.actions : [action],
  );
}

/** Stands before what goes on from the line above without a space. */
const GOES_ON = '↳ ';

/** Every text that people read on a card, in order: the runs of one line joined, and the lines of one broken word. */
export function textsOf(value: unknown): string[] {
  const read: string[] = [];
  for (const words of linesOf(value)) {
    if (words.startsWith(GOES_ON) && read.length > 0) read.push(read.pop() + words.slice(GOES_ON.length));
    else read.push(words);
  }
  return read;
}

function linesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(linesOf);
  if (typeof value !== 'object' || value === null) return [];
  if ('type' in value && value.type === 'TextBlock') return [(value as unknown as { text: string }).text];
  if ('inlines' in value && Array.isArray(value.inlines)) {
    const words = value.inlines.map((run: { text: string }) => run.text).join('');
    // An empty line is drawn as a space that stays.
    return [words === '\u00a0' ? '' : words.replaceAll('\u00a0', ' ')];
  }
  return Object.values(value).flatMap(linesOf);
}

/** Single runs: what Teams draws in one piece. */
export function runsOf(value: unknown): { text: string; selectAction?: { url: string } }[] {
  if (Array.isArray(value)) return value.flatMap(runsOf);
  if (typeof value !== 'object' || value === null) return [];
  if ('type' in value && value.type === 'TextRun') return [value as unknown as { text: string }];
  return Object.values(value).flatMap(runsOf);
}
