/** `screen`: what the screening finds in each text. Stands on nothing: no configuration, no database. */
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { Json } from '../model/request.ts';
import { findSecrets, maskSecrets } from '../screening/secrets.ts';
import { type Command, line } from './command.ts';

/** Longer lines are no text that anybody screens. UTF-16 units. */
const LINE_MAX_CHARACTERS = 4_000_000;

const Input = z.strictObject({ id: Json, text: z.string() });

export const screen: Command = async ({ terminal }) => {
  terminal.say('This version finds secrets only: injection is always 0 and pii always empty.');
  let number = 0;
  for await (const text of terminal.lines()) {
    number += 1;
    if (text.trim() !== '') await terminal.write(line(screened(parse(text, number))));
  }
  return 0;
};

function screened({ id, text }: z.output<typeof Input>) {
  return {
    id,
    injection: 0,
    flagged: false,
    secrets: findSecrets(text),
    pii: [],
    redacted: maskSecrets(text).text,
  };
}

function parse(text: string, number: number): z.output<typeof Input> {
  const refuse = (cause?: unknown): never => {
    throw new AppError('malformed', `Line ${number} is not {"id": ..., "text": "..."}.`, { cause });
  };
  if (text.length > LINE_MAX_CHARACTERS) throw new AppError('too_long', `Line ${number} is too long.`);
  try {
    return Input.parse(JSON.parse(text));
  } catch (cause) {
    return refuse(cause);
  }
}
