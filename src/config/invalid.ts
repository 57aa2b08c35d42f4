/** What every part of the configuration does with what is wrong. */
import { AppError } from '../errors.ts';

/** Stops the start with `config_invalid`. `message` names the variable or the place in the file, never a value. */
export function configInvalid(message: string): never {
  throw new AppError('config_invalid', message);
}
