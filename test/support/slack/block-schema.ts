/** What Slack accepts as blocks of a message, by its Block Kit reference: strict shapes, limits, counts. */
import { z } from 'zod';

const plainText = (max: number) =>
  z.strictObject({
    type: z.literal('plain_text'),
    text: z.string().min(1).max(max),
    emoji: z.boolean().optional(),
  });
const mrkdwn = (max: number) =>
  z.strictObject({
    type: z.literal('mrkdwn'),
    text: z.string().min(1).max(max),
    verbatim: z.boolean().optional(),
  });
const anyText = (max: number) => z.union([plainText(max), mrkdwn(max)]);
const blockId = z.string().max(255).optional();
const url = z.url().max(3000);

const Button = z.strictObject({
  type: z.literal('button'),
  text: plainText(75),
  action_id: z.string().min(1).max(255),
  value: z.string().max(2000).optional(),
  url: url.optional(),
  style: z.enum(['primary', 'danger']).optional(),
});
const style = z
  .strictObject({
    bold: z.boolean().optional(),
    italic: z.boolean().optional(),
    strike: z.boolean().optional(),
    code: z.boolean().optional(),
  })
  .optional();
const Inline = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1), style }),
  z.strictObject({ type: z.literal('link'), url, text: z.string().min(1).optional(), style }),
  z.strictObject({ type: z.literal('user'), user_id: z.string(), style }),
  z.strictObject({ type: z.literal('channel'), channel_id: z.string(), style }),
  z.strictObject({ type: z.literal('broadcast'), range: z.enum(['here', 'channel', 'everyone']) }),
  z.strictObject({
    type: z.literal('date'),
    timestamp: z.int(),
    format: z.string().min(1),
    url: url.optional(),
    fallback: z.string().optional(),
  }),
]);
const RichElement = z.strictObject({
  type: z.enum(['rich_text_section', 'rich_text_preformatted', 'rich_text_quote']),
  elements: z.array(Inline).min(1),
});

/** Of its rich texts each holds exactly one element. */
const OneRichText = z.strictObject({
  type: z.literal('rich_text'),
  block_id: blockId,
  elements: z.array(RichElement).length(1),
});
const TaskCard = z.strictObject({
  type: z.literal('task_card'),
  block_id: blockId,
  task_id: z.string().min(1),
  title: z.string().min(1),
  status: z.enum(['pending', 'in_progress', 'complete', 'error']).optional(),
  details: OneRichText.optional(),
  output: OneRichText.optional(),
});

const Option = z.strictObject({ text: plainText(75), value: z.string().min(1).max(150) });
const field = { action_id: z.string().min(1).max(255) };
const Element = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('plain_text_input'),
    ...field,
    multiline: z.boolean().optional(),
    max_length: z.int().min(1).max(3000).optional(),
    initial_value: z.string().max(3000).optional(),
  }),
  z.strictObject({
    type: z.literal('number_input'),
    ...field,
    is_decimal_allowed: z.boolean(),
    initial_value: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('static_select'),
    ...field,
    options: z.array(Option).min(1).max(100),
    initial_option: Option.optional(),
  }),
]);
const Feedback = z.strictObject({
  type: z.literal('feedback_buttons'),
  ...field,
  positive_button: z.strictObject({ text: plainText(75), value: z.string().max(2000) }),
  negative_button: z.strictObject({ text: plainText(75), value: z.string().max(2000) }),
});

export const BLOCKS = {
  header: z.strictObject({ type: z.literal('header'), block_id: blockId, text: plainText(150) }),
  section: z.strictObject({
    type: z.literal('section'),
    block_id: blockId,
    text: anyText(3000).optional(),
    fields: z.array(anyText(2000)).min(1).max(10).optional(),
  }),
  context: z.strictObject({
    type: z.literal('context'),
    block_id: blockId,
    elements: z.array(anyText(3000)).min(1).max(10),
  }),
  actions: z.strictObject({
    type: z.literal('actions'),
    block_id: blockId,
    elements: z.array(Button).min(1).max(25),
  }),
  divider: z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  rich_text: z.strictObject({
    type: z.literal('rich_text'),
    block_id: blockId,
    elements: z.array(RichElement).min(1),
  }),
  task_card: TaskCard,
  plan: z.strictObject({
    type: z.literal('plan'),
    block_id: blockId,
    title: z.string().min(1),
    tasks: z.array(TaskCard).optional(),
  }),
  context_actions: z.strictObject({
    type: z.literal('context_actions'),
    block_id: blockId,
    elements: z.array(Feedback).min(1).max(5),
  }),
  /** In dialogs only. */
  input: z.strictObject({
    type: z.literal('input'),
    block_id: blockId,
    label: plainText(2000),
    optional: z.boolean().optional(),
    element: Element,
  }),
} as const;

/** docs.slack.dev/reference/block-kit/blocks, "available in surfaces": everywhere, and in messages only. */
const EVERYWHERE = [
  BLOCKS.header,
  BLOCKS.section,
  BLOCKS.context,
  BLOCKS.actions,
  BLOCKS.divider,
  BLOCKS.rich_text,
] as const;
const AnyBlock = z.discriminatedUnion('type', [
  ...EVERYWHERE,
  BLOCKS.task_card,
  BLOCKS.plan,
  BLOCKS.context_actions,
]);
const ViewBlock = z.discriminatedUnion('type', EVERYWHERE);
/** docs.slack.dev/reference/views/modal-views: `submit` is required where one of the blocks is an input. */
const Modal = z
  .strictObject({
    type: z.literal('modal'),
    callback_id: z.string().max(255),
    private_metadata: z.string().max(3000),
    title: plainText(24),
    submit: plainText(24).optional(),
    close: plainText(24),
    blocks: z
      .array(z.discriminatedUnion('type', [BLOCKS.input, ...EVERYWHERE]))
      .min(1)
      .max(100),
  })
  .refine(({ submit, blocks }) => submit !== undefined || blocks.every(({ type }) => type !== 'input'));
const Home = z.strictObject({ type: z.literal('home'), blocks: z.array(ViewBlock).max(100) });
export type SlackModal = z.infer<typeof Modal>;
export type SlackHome = z.infer<typeof Home>;

/** A view, or null where Slack answers `invalid_arguments`. */
export const checkModal = (raw: unknown): SlackModal | null => {
  const view = Modal.safeParse(raw).data ?? null;
  const ids = (view === null ? [] : inputsOf(view)).map(({ block_id: id }) => id);
  return new Set(ids).size === ids.length ? view : null;
};
/** What is filled in in a dialog. */
export const inputsOf = ({ blocks }: Pick<SlackModal, 'blocks'>) =>
  blocks.filter((block) => block.type === 'input');
export const checkHome = (raw: unknown): SlackHome | null => Home.safeParse(raw).data ?? null;
export type SlackBlock = z.infer<typeof AnyBlock>;

const BLOCKS_MAX = 50;
/** What Slack documents for markdown in one message; it names no number for `msg_blocks_too_long`. */
const TEXT_OF_BLOCKS_MAX = 12_000;

/** Slack's error for these blocks, or the blocks. */
export function checkBlocks(
  raw: unknown,
): { ok: true; blocks: SlackBlock[] } | { ok: false; error: string; why: string } {
  const parsed = z.array(AnyBlock).max(BLOCKS_MAX).safeParse(raw);
  if (!parsed.success) return { ok: false, error: 'invalid_blocks', why: z.prettifyError(parsed.error) };
  const actionIds = parsed.data.flatMap((block) =>
    block.type === 'actions' ? block.elements.map((element) => element.action_id) : [],
  );
  if (new Set(actionIds).size !== actionIds.length) {
    return { ok: false, error: 'invalid_blocks', why: 'action_id is not unique' };
  }
  const total = textsOf(parsed.data).reduce((sum, text) => sum + escapedLength(text), 0);
  if (total > TEXT_OF_BLOCKS_MAX) return { ok: false, error: 'msg_blocks_too_long', why: `${total}` };
  return { ok: true, blocks: parsed.data };
}

/** Every text that people read in these blocks, in order. */
export function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'text' || key === 'fallback') && typeof inner === 'string' ? [inner] : textsOf(inner),
  );
}

function escapedLength(text: string): number {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').length;
}
