/** What a request still misses, and the words for it. Pure. */
import { fillNeeds, needsAreMet } from '../model/quorum.ts';
import type { ActionRequest, Approval, Need } from '../model/request.ts';

type Approved = Pick<Approval, 'approver' | 'groups'>;
type Asked = Pick<ActionRequest, 'state' | 'effect' | 'confirmedAt' | 'obligations'>;

const asCountersigners = (approvals: readonly Approved[]) =>
  approvals.map((approval) => ({ id: approval.approver, groups: approval.groups }));

/** Open needs in the order in which they must be met: the requester's confirmation comes first. */
export function openNeeds(request: Asked, approvals: readonly Approved[]): Need[] {
  if (request.state !== 'pending') return [];
  const needs: Need[] = [];
  if (request.effect === 'write' && request.confirmedAt === null)
    needs.push({ kind: 'confirm', count: 1, have: 0 });
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
