/** How Jira stores and shows texts, as far as a connector could go wrong: wiki markup, documents, mentions. */

type Node = { type: string; text?: string; attrs?: { text?: string }; content?: Node[] };

/** As a reader sees wiki markup; a mention tells somebody wherever it stands, and is shown as that. */
export function seenInWiki(text: string): string {
  const parts = text.split('{noformat}');
  return parts
    .map((part, index) => (index % 2 === 1 ? told(part) : told(part).replace(/\*(\S[^*]*)\*/g, '<b>$1</b>')))
    .join('')
    .trim();
}
const told = (text: string): string => text.replace(/\[~([^\]]*)\]/g, '<told $1>');

/** What Cloud makes of wiki markup. */
export function documentOf(wiki: string): Node {
  const content = wiki
    .split('{noformat}')
    .map((part, index) => ({ part: part.replace(/^\n|\n$/g, ''), isLiteral: index % 2 === 1 }))
    .filter(({ part }) => part !== '')
    .map(({ part, isLiteral }) =>
      isLiteral && !part.includes('[~')
        ? { type: 'codeBlock', content: [{ type: 'text', text: part }] }
        : { type: 'paragraph', content: [{ type: 'text', text: seenInWiki(part) }] },
    );
  return { type: 'doc', content };
}

export function seenInDocument(node: Node): string {
  if (node.type === 'text') return node.text ?? '';
  if (node.type === 'hardBreak') return '\n';
  if (node.type === 'mention') return `<told ${node.attrs?.text ?? ''}>`;
  const inside = (node.content ?? []).map(seenInDocument).join('');
  return node.type === 'doc' ? inside.trim() : `${inside}\n`;
}

export const seen = (text: unknown): string =>
  typeof text === 'string' ? seenInWiki(text) : seenInDocument(text as Node);

/** A document is made of nodes with a type; a text has text. */
export function isDocument(value: unknown): value is Node {
  const isNode = (node: unknown): boolean => {
    if (typeof node !== 'object' || node === null) return false;
    const { type, text, content } = node as Partial<Node>;
    if (type === 'text') return typeof text === 'string' && text !== '';
    return typeof type === 'string' && (content === undefined || content.every(isNode));
  };
  return isNode(value) && (value as Node).type === 'doc' && (value as { version?: number }).version === 1;
}
