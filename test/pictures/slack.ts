/** The samples as Slack would be sent them: what the page draws, and nothing else. */
import { renderHome } from '../../adapters/slack/home-view.ts';
import { formModal, type Modal, reasonModal } from '../../adapters/slack/modals.ts';
import { renderMessage } from '../../adapters/slack/render-message.ts';
import { RenderingId } from '../../src/model/ids.ts';
import { ASKING, HOME, SAMPLES, type Sample } from './samples.ts';

/** Blocks as JSON: the page knows them from the wire only. */
export type SlackFrame = {
  caption: string;
  kind: 'message' | 'modal' | 'home';
  /** One list for each message of the thread; a view has one. */
  parts: object[][];
  modal?: { title: string; submit?: string; close: string };
};

function messageFrame({ caption, message }: Sample): SlackFrame {
  const { blocks, actions, rest } = renderMessage(message)!;
  const first = actions === null ? blocks : [...blocks, actions];
  return { caption, kind: 'message', parts: [first, ...rest.map((one) => one.blocks)] };
}

function modalFrame(caption: string, { title, submit, close, blocks }: Modal): SlackFrame {
  const modal = { title: title.text, close: close.text, ...(submit ? { submit: submit.text } : {}) };
  return { caption, kind: 'modal', parts: [blocks], modal };
}

export const SLACK_FRAMES: readonly SlackFrame[] = [
  ...SAMPLES.map(messageFrame),
  messageFrame(ASKING),
  modalFrame('Its form as a dialog', formModal(ASKING.message.form!, null)),
  modalFrame('Why it is denied', reasonModal(RenderingId.parse(SAMPLES[0]!.message.card!.rendering), null)),
  { caption: 'The Home tab', kind: 'home', parts: [renderHome(HOME).blocks] },
];
