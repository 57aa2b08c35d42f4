/**
 * What a dialog, a shortcut or a press leads to. Nothing is decided here: who it is says the directory, what they may
 * the core, and whatever acts is stored as a delivery before it is acknowledged.
 */
import type { PrincipalId } from '../../src/model/ids.ts';
import type { ChatAssistant } from '../../src/model/ports.ts';
import type { Content, Delivery, Place } from '../../src/model/turn.ts';
import { RateLimited } from '../../src/surface/paced-queue.ts';
import type { Greet } from './agent.ts';
import type { SlackClient } from './client.ts';
import type { RunCommand } from './command.ts';
import type { Home } from './home.ts';
import type { Interaction, Who } from './interactions.ts';
import {
  choiceModal,
  editModal,
  errorsOf,
  type FieldErrors,
  fitsModal,
  formModal,
  handOverModal,
  type Modal,
  reasonModal,
  reportModal,
} from './modals.ts';
import { COMMAND, FIELD } from './needs.ts';

export type InteractParts = {
  assistant: () => ChatAssistant;
  client: Pick<SlackClient, 'openView'>;
  /** The direct message with a person, as a place without a thread. */
  direct(user: string): Promise<Place>;
  run: RunCommand;
  home: Home;
  greet: Greet;
  store(delivery: Delivery): Promise<void>;
  /** Says it to this person alone, where they pressed; `place` null: in their direct message. Not waited for. */
  tell(user: string, place: Place | null, words: string): void;
};
/** What Slack is answered with: nothing, a sentence at a field, or the next dialog. */
export type Answer =
  | { response_action: 'errors'; errors: FieldErrors }
  | { response_action: 'update'; view: Modal }
  | undefined;

/** @throws AppError where nothing was done: the person is shown a failure. */
export function createInteract(parts: InteractParts): (interaction: Interaction) => Promise<Answer> {
  const { client } = parts;
  const knownAs = async (who: Who): Promise<PrincipalId | null> => {
    const found = await parts.assistant().identify(who);
    return found.kind === 'known' ? found.principal.id : null;
  };
  const deliver = async ({ key, who }: Interaction, place: Place | null, content: Content, words: string) => {
    const base = { key, account: who, content };
    await (place === null ? parts.run(base, words) : parts.store({ ...base, place }));
  };
  /** A press belongs where it was pressed; on the Home tab, into the direct message. */
  const press = async (pressed: Interaction & { place: Place | null }, content: Content) =>
    deliver(pressed, pressed.place ?? (await parts.direct(pressed.who.user)), content, '');

  /** What opens no dialog stores nothing either: whoever pressed is told to do it again. */
  const open = async (
    { trigger, who }: Interaction & { trigger: string },
    place: Place | null,
    view: Modal,
  ): Promise<undefined> => {
    try {
      await client.openView(trigger, view);
    } catch (error) {
      if (!(error instanceof RateLimited)) throw error;
      parts.tell(who.user, place, NOT_NOW);
    }
    return undefined;
  };

  /** Whoever is not known is told so, and recorded, in the one way there is for that. */
  const turnAway = async (interaction: Interaction, place: Place | null): Promise<undefined> => {
    await deliver(interaction, place, { kind: 'message', text: 'help', fetched: [] }, `${COMMAND} help`);
    return undefined;
  };

  const askForm = async (asked: Extract<Interaction, { kind: 'ask-form' }>): Promise<Answer> => {
    const person = await knownAs(asked.who);
    if (person === null) return turnAway(asked, asked.place);
    const found = await parts.assistant().formOf(asked.message, person);
    // Erased meanwhile: what one can ask for is said anew.
    if (found === null) return turnAway(asked, asked.place);
    const { action, form } = found;
    const { message } = asked;
    if (form !== null) return open(asked, asked.place, formModal(form, asked.place, { message }));
    // Why not is said, and recorded, by the one that would take it; empty, a form that asks for something is never a request.
    await deliver(asked, asked.place, { kind: 'form', action, arguments: {}, message }, action);
    return undefined;
  };

  const askReason = async (asked: Extract<Interaction, { kind: 'ask-reason' }>): Promise<Answer> => {
    const { rendering, place, who } = asked;
    const person = await knownAs(who);
    if (person !== null && (await parts.assistant().mayDeny(rendering, person)))
      return open(asked, place, reasonModal(rendering, place));
    // Nobody is asked why they do what they cannot do: that they cannot is said, and recorded, by the one that would.
    await press(asked, { kind: 'decision', rendering, decision: 'deny' });
    return undefined;
  };

  const askEdit = async (asked: Extract<Interaction, { kind: 'ask-edit' }>): Promise<Answer> => {
    const { rendering, place, who } = asked;
    const person = await knownAs(who);
    const form = person === null ? null : await parts.assistant().editFormOf(rendering, person);
    if (form === null) {
      // Why not is said, and recorded, by the one that would change it.
      await press(asked, { kind: 'edit', rendering, arguments: {} });
      return undefined;
    }
    return open(asked, place, editModal(form, rendering, place));
  };

  const edited = async (sent: Extract<Interaction, { kind: 'edited' }>): Promise<Answer> => {
    const { rendering, values, who } = sent;
    const person = await knownAs(who);
    const form = person === null ? null : await parts.assistant().editFormOf(rendering, person);
    if (person !== null && form !== null) {
      const checked = await parts.assistant().checkForm(form.action, values, person);
      if (checked?.ok === false)
        return { response_action: 'errors', errors: errorsOf(form, checked.problems) };
    }
    await press(sent, { kind: 'edit', rendering, arguments: values });
    return undefined;
  };

  const askTaker = async (asked: Extract<Interaction, { kind: 'ask-taker' }>): Promise<Answer> => {
    const { rendering, place, who } = asked;
    const person = await knownAs(who);
    const takers = person === null ? [] : await parts.assistant().takersOf(rendering, person);
    if (takers.length > 0) return open(asked, place, handOverModal(takers, rendering, place));
    // Why not is said, and recorded, by the one that would hand it over.
    await press(asked, { kind: 'delegate', rendering, to: '' });
    return undefined;
  };

  const askReport = async (asked: Extract<Interaction, { kind: 'ask-report' }>): Promise<Answer> => {
    const { rendering, place, who } = asked;
    if ((await knownAs(who)) !== null) return open(asked, place, reportModal(rendering, place));
    await press(asked, { kind: 'report', rendering, words: '' });
    return undefined;
  };

  const askChoice = async (asked: Extract<Interaction, { kind: 'ask-choice' }>): Promise<Answer> => {
    const person = await knownAs(asked.who);
    const actions = person === null ? [] : await parts.assistant().actions(person);
    if (actions.length === 0) return turnAway(asked, null);
    return open(asked, null, choiceModal(actions));
  };

  const chosen = async ({ who, action }: Extract<Interaction, { kind: 'chosen' }>): Promise<Answer> => {
    const person = await knownAs(who);
    const form = person === null ? null : await parts.assistant().form(action, person);
    const no = (words: string): Answer => ({
      response_action: 'errors',
      errors: { [`${FIELD}action`]: words },
    });
    if (person === null || form === null) return no('You may not ask for this.');
    if (!fitsModal(form)) return no('Ask for this in words.');
    const about = (await parts.assistant().actions(person)).find(({ name }) => name === action)?.description;
    return { response_action: 'update', view: formModal(form, null, { about }) };
  };

  const filled = async (sent: Extract<Interaction, { kind: 'filled' }>): Promise<Answer> => {
    const { who, action, values, place } = sent;
    const person = await knownAs(who);
    const checked = person === null ? null : await parts.assistant().checkForm(action, values, person);
    const form = person === null ? null : await parts.assistant().form(action, person);
    if (checked?.ok === false && form !== null)
      return { response_action: 'errors', errors: errorsOf(form, checked.problems) };
    // What the schema filled in by itself is not what the person typed.
    const parsed = checked?.ok ? checked.arguments : values;
    const typed = Object.fromEntries(Object.entries(parsed).filter(([name]) => name in values));
    const stands = sent.message === undefined ? {} : { message: sent.message };
    const content: Content = { kind: 'form', action, arguments: typed, ...stands };
    await deliver(sent, place, content, form?.title ?? 'New request');
    return undefined;
  };

  return async (interaction) => {
    switch (interaction.kind) {
      case 'ask-form':
        return askForm(interaction);
      case 'ask-reason':
        return askReason(interaction);
      case 'ask-choice':
        return askChoice(interaction);
      case 'chosen':
        return chosen(interaction);
      case 'filled':
        return filled(interaction);
      case 'decided': {
        const { rendering, decision, reason } = interaction;
        const why = reason === undefined ? {} : { reason };
        return void (await press(interaction, { kind: 'decision', rendering, decision, ...why }));
      }
      case 'ask-edit':
        return askEdit(interaction);
      case 'edited':
        return edited(interaction);
      case 'ask-taker':
        return askTaker(interaction);
      case 'handed-over': {
        const { rendering, to } = interaction;
        return void (await press(interaction, { kind: 'delegate', rendering, to }));
      }
      case 'ask-report':
        return askReport(interaction);
      case 'reported': {
        const { rendering, words } = interaction;
        return void (await press(interaction, { kind: 'report', rendering, words }));
      }
      case 'undone':
        return void (await press(interaction, { kind: 'undo', rendering: interaction.rendering }));
      case 'resolved': {
        const { rendering, as } = interaction;
        return void (await press(interaction, { kind: 'resolve', rendering, as }));
      }
      case 'quoted': {
        const { words, files } = interaction;
        const came = files === 0 ? {} : { files };
        const content: Content = { kind: 'message', text: FROM_MESSAGE, fetched: words, ...came };
        return void (await deliver(interaction, null, content, FROM_MESSAGE));
      }
      case 'feedback': {
        const principal = await knownAs(interaction.who);
        const { message, positive } = interaction;
        if (principal !== null) await parts.assistant().feedback({ message, principal, positive });
        return;
      }
      case 'home':
        parts.home.open(interaction.who, await knownAs(interaction.who));
        return;
      case 'opened':
        // Not waited for: that it arrived is what Slack must hear in time.
        void parts.greet(interaction.channel, await knownAs(interaction.who));
        return;
      case 'stopped': {
        const principal = await knownAs(interaction.who);
        if (principal !== null) await parts.assistant().stop(interaction.place, principal);
        return;
      }
    }
  };
}

const NOT_NOW =
  'Slack opens no dialog for me at the moment, so nothing was done. Please press it again in a moment.';
/** What a person says who asks for a ticket by a message: the words of the message itself are somebody else's. */
const FROM_MESSAGE = 'Open a ticket';
