/** Text made fit for an Adaptive Card: measured and cut by what it takes of one. */
import { measuredBy } from '../../src/surface/measured.ts';
import { visible } from '../../src/surface/unseen.ts';
import { broken, TURN } from './unbroken.ts';

/** What one line costs as a block of its own: newlines are shown by layout, never left to a renderer. */
const LINE_COST = 110;
/** The same with the sign before it that a word goes on. */
const TURN_COST = 180;
/** What a run of text costs that is set apart, so that no `{{...}}` is read as a function. */
const RUN_COST = 60;

/** In UTF-16 units of JSON with its layout. */
function cost(char: string): number {
  switch (char) {
    case '\n':
      return LINE_COST;
    case TURN:
      return TURN_COST;
    case '{':
      return RUN_COST;
    case '"':
    case '\\':
    case '\t':
      return 2;
    default:
      return char.length;
  }
}

export const { measure, chunk, clip, tail } = measuredBy(cost);

/** Words from anywhere as a card lays them out: nothing in them unseen, no word wider than a narrow card. */
export const readable = (text: string): string => broken(visible(text));

/** On one line and shortened: for where Teams shows no layout, such as a notification. */
export function oneLine(text: string, max: number): string {
  return clip(text.replaceAll(TURN, '').replace(/\s+/g, ' ').trim() || '(empty)', max);
}
