/** Draws what Slack would show, as plain text: for tests that read a message as a person does. */
import type { SlackBlock } from './block-schema.ts';
import type { FakeMessage } from './workspace.ts';

type Inline = { type: string; text?: string; url?: string; fallback?: string; user_id?: string };

function inline(element: Inline): string {
  if (element.type === 'date') return element.fallback ?? '';
  if (element.type === 'link') return element.text ?? element.url ?? '';
  return element.text ?? '';
}

export function drawBlock(block: SlackBlock): string {
  switch (block.type) {
    case 'header':
      return `# ${block.text.text}`;
    case 'section':
      return [block.text, ...(block.fields ?? [])].map((part) => part?.text ?? '').join('\n');
    case 'context':
      return block.elements.map((element) => `· ${element.text}`).join('\n');
    case 'actions':
      return block.elements.map((button) => `[${button.text.text}]`).join(' ');
    case 'task_card':
      return [`(${block.status}) ${block.title}`, ...(block.output ? [drawBlock(block.output)] : [])].join(
        '\n',
      );
    case 'plan':
      return [block.title, ...(block.tasks ?? []).map(drawBlock)].join('\n');
    case 'context_actions':
      return block.elements
        .map(({ positive_button: up, negative_button: down }) => `[${up.text.text}] [${down.text.text}]`)
        .join(' ');
    case 'divider':
      return '---';
    case 'rich_text':
      return block.elements
        .map((element) => {
          const words = (element.elements as Inline[]).map(inline).join('');
          if (element.type === 'rich_text_quote') return words.replaceAll(/^/gm, '> ');
          return element.type === 'rich_text_preformatted' ? `\`\`\`\n${words}\n\`\`\`` : words;
        })
        .join('\n');
  }
}

/** One message, its blocks from top to bottom; without blocks its text. */
export function drawMessage(message: Pick<FakeMessage, 'text' | 'blocks'>): string {
  return message.blocks.length === 0 ? message.text : message.blocks.map(drawBlock).join('\n');
}
