/** "my requests", "waiting for me" and both with what one may ask for, said in chat. */
import type { Message } from './model/card.ts';
import type { ChatAssistant } from './model/ports.ts';
import type { Principal } from './model/principal.ts';

/** Lines of a list said in chat; the workspace shows all. */
const LISTED_IN_CHAT = 10;

/** The list as this person may see it. */
export async function listInWords(
  assistant: ChatAssistant,
  kind: 'mine' | 'waiting' | 'home',
  person: Principal,
): Promise<string> {
  switch (kind) {
    case 'mine':
      return cardsInWords(await assistant.mine(person.id), 'You have asked for nothing yet.');
    case 'waiting':
      return cardsInWords(await assistant.waitingFor(person.id), 'Nothing waits for you.');
    case 'home': {
      const actions = await assistant.actions(person.id);
      const examples = actions.slice(0, LISTED_IN_CHAT).map(({ title, examples: [first = ''] }) => {
        const example = first.replace(/\{([\w.]+)\}/g, '…');
        return example === '' ? title : `${title}: ${example}`;
      });
      return [
        `Waiting for you\n${await listInWords(assistant, 'waiting', person)}`,
        `My requests\n${await listInWords(assistant, 'mine', person)}`,
        `What you may ask for\n${examples.join('\n') || 'There is nothing that you could ask for yet.'}`,
      ].join('\n\n');
    }
  }
}

function cardsInWords(messages: readonly Message[], none: string): string {
  if (messages.length === 0) return none;
  const lines = messages
    .slice(0, LISTED_IN_CHAT)
    .map(({ card }) => (card ? `${card.title} (${card.request.slice(0, 8)}): ${card.status}` : ''));
  const more = messages.length - LISTED_IN_CHAT;
  return [...lines, ...(more > 0 ? [`and ${more.toLocaleString('en')} more`] : [])].join('\n');
}
