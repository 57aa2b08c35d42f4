import { z } from 'zod';
import { PrincipalId } from '../../src/model/ids.ts';

/** The directory's people by the name that an outside system has for them. */
export const peopleAs = <N extends z.ZodType<string>>(name: N) => z.record(PrincipalId, name);
