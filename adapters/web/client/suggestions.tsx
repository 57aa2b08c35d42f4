/** What one can ask here, from the actions' own examples. */
import type { ActionHint } from './api.ts';
import { go } from './navigation.tsx';
import { exampleParts } from './words.ts';

type Props = {
  actions: ActionHint[];
  pick(text: string, blank: { start: number; end: number } | null): void;
};

/** The example as text, and where its first blank stands, to be typed over. */
function filledIn(example: string): { text: string; blank: { start: number; end: number } | null } {
  let text = '';
  let blank: { start: number; end: number } | null = null;
  for (const part of exampleParts(example)) {
    if (part.isBlank && blank === null) blank = { start: text.length, end: text.length + part.text.length };
    text += part.text;
  }
  return { text, blank };
}

export function Suggestions({ actions, pick }: Props) {
  return (
    <ul className="suggestions" aria-label="What you can ask">
      {actions.map((action) => {
        const [example] = action.examples;
        return (
          <li key={action.name} className="suggestion">
            <strong>{action.title}</strong>
            <span className="muted small">{action.description}</span>
            <span className="suggestion-ways">
              {example !== undefined && (
                <button
                  type="button"
                  className="example"
                  onClick={() => {
                    const { text, blank } = filledIn(example);
                    pick(text, blank);
                  }}
                >
                  {exampleParts(example).map((part, index) =>
                    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one fixed sentence
                    part.isBlank ? <em key={index}>{part.text}</em> : <span key={index}>{part.text}</span>,
                  )}
                </button>
              )}
              <button type="button" className="link-button" onClick={() => go(`/new/${action.name}`)}>
                Fill in a form
              </button>
            </span>
          </li>
        );
      })}
    </ul>
  );
}
