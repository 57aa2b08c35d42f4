/** Who is on call, wherever that is written down. Being on call is no right: policy says who may approve. */
import type { PrincipalId } from '../model/ids.ts';

export interface OnCall {
  /** Names of the schedules that the operator configured. */
  readonly schedules: readonly string[];
  /**
   * The people on call at a moment, in the order in which they are to be asked, each once; nobody is an answer too.
   * Errors: `not_found` for a schedule that is not configured, `upstream_failed` where it cannot be read.
   */
  whoIsOnCall(schedule: string, at: Date): Promise<PrincipalId[]>;
}
