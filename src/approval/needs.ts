/** What a request still misses, and the words for it. Pure. */
import { type Countersigner, fillNeeds, needsAreMet, wouldAdd } from '../model/quorum.ts';
import type { ActionRequest, Approval, Need } from '../model/request.ts';

export type Approved = Pick<Approval, 'approver' | 'groups'>;
type Asked = Pick<ActionRequest, 'state' | 'effect' | 'confirmedAt' | 'obligations'>;

/** Those who have approved, with the groups that they count for. */
export const asCountersigners = (approvals: readonly Approved[]) =>
  approvals.map((approval) => ({ id: approval.approver, groups: approval.groups }));

/** A write that nobody but its planner means yet: others hear of it once its requester has said yes. */
function awaitsConfirmation({ effect, confirmedAt }: Pick<Asked, 'effect' | 'confirmedAt'>): boolean {
  return effect === 'write' && confirmedAt === null;
}

/** Whether others are to be asked about it now. */
export function waitsForApproval(request: Pick<Asked, 'state' | 'effect' | 'confirmedAt'>): boolean {
  return request.state === 'pending' && !awaitsConfirmation(request);
}

/** Open needs in the order in which they must be met: the requester's confirmation comes first. */
export function openNeeds(request: Asked, approvals: readonly Approved[]): Need[] {
  if (request.state !== 'pending') return [];
  const needs: Need[] = [];
  if (awaitsConfirmation(request)) needs.push({ kind: 'confirm', count: 1, have: 0 });
  const filled = fillNeeds(request.obligations.approvals, asCountersigners(approvals));
  for (const [index, need] of request.obligations.approvals.entries()) {
    if (filled[index]! >= need.quorum) continue;
    needs.push({
      kind: 'approve',
      ...(need.group === null ? {} : { group: need.group }),
      count: need.quorum,
      have: filled[index]!,
    });
  }
  return needs;
}

/** Whether every approval that was asked for is there. The database counts once more when the state moves. */
export function approvalsAreMet(
  request: Pick<ActionRequest, 'obligations'>,
  approvals: readonly Approved[],
): boolean {
  return needsAreMet(request.obligations.approvals, asCountersigners(approvals));
}

/** Whether this person's approval would fill something that is missing still: nobody else is bothered. */
export function wouldCount(
  { obligations }: Pick<ActionRequest, 'obligations'>,
  approvals: readonly Approved[],
  person: Countersigner,
): boolean {
  return wouldAdd(obligations.approvals, asCountersigners(approvals), person);
}

/** Whether these people, with those who have approved already, could meet everything that is asked for. */
export function couldMeet(
  { obligations }: Pick<ActionRequest, 'obligations'>,
  approvals: readonly Approved[],
  people: readonly Countersigner[],
): boolean {
  return needsAreMet(obligations.approvals, [...people, ...asCountersigners(approvals)]);
}

/** A group as people call it; its id where nobody knows better. */
export type TitleOfGroup = (id: string) => string;

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

/** "two approvals from oncall": for cards and answers. */
export function needInWords(need: Need, titleOfGroup: TitleOfGroup = (id) => id): string {
  if (need.kind === 'confirm') return "its requester's confirmation";
  const missing = need.count - need.have;
  const more = need.have > 0 ? 'more ' : '';
  const from =
    need.group === undefined ? ' from somebody else who may approve it' : ` from ${titleOfGroup(need.group)}`;
  return `${NUMBERS[missing] ?? missing} ${more}approval${missing === 1 ? '' : 's'}${from}`;
}
