import type { PrincipalId, RequestId } from './ids.ts';
import type { Countersigner } from './quorum.ts';
import type { ApprovalNeed, Json, Obligations, Resource, Risk } from './request.ts';

/** The other facts that policy may ask about, as of the moment of deciding. */
export type PolicyContext = {
  /** A kill switch covers this action, person or connector, or everything. */
  killed: boolean;
  /** The thread held fetched content. */
  tainted: boolean;
  risk: Risk;
  connector: string;
  time: LocalTime;
};

/** `now` is RFC 3339 in UTC; weekday (Monday is 1) and hour (0 to 23) are those of the operator's time zone. */
export type LocalTime = { now: string; weekday: number; hour: number };

/** Policy's answer and its reasons. Allowed means: the answer is allow and no policy raised an error. */
export type Decision = {
  allowed: boolean;
  code:
    | 'allowed'
    | 'no_permit'
    | 'forbidden'
    | 'policy_error'
    | 'kill_switch'
    | 'nobody_could_approve'
    | 'stepup_unavailable';
  /** Ids of the policies that decided. */
  policies: string[];
  /** In words, with the policy's name and, for a denial, who can help. May be found only when read. */
  readonly reasons: string[];
  obligations: Obligations;
  /** Request, entities and context as they were given to the policy engine: recorded as evidence. */
  evidence: Json;
};

/** The Cedar resource of `approve`: the request as policy sees it. */
export type ApprovableRequest = {
  id: RequestId;
  requester: PrincipalId;
  /** Who changed it, and so asks for it too. */
  coRequesters?: readonly PrincipalId[];
  action: string;
  risk: Risk;
  tainted: boolean;
  resource: Resource;
  /** Null: nobody's approval would add anything any more. Not said: whoever policy lets approve may be wanted. */
  wanted?: Wanted | null;
};

/** What a request needs, and who has approved it already: only those are named who would add to it. */
export type Wanted = { needs: readonly ApprovalNeed[]; given: readonly Countersigner[] };
